/* Double. */
#pragma once
#include "esp_err.h"

typedef struct esp_netif_obj esp_netif_t;
typedef struct { uint32_t addr; } esp_ip4_addr_t;
typedef struct { esp_ip4_addr_t ip, netmask, gw; } esp_netif_ip_info_t;
typedef struct { const void *base, *driver, *stack; } esp_netif_config_t;
enum { IP_EVENT_ETH_GOT_IP = 4, IP_EVENT_ETH_LOST_IP };

#define ESP_NETIF_DEFAULT_ETH() { NULL, NULL, NULL }

extern esp_err_t esp_netif_init(void);
extern esp_netif_t *esp_netif_new(const esp_netif_config_t *config);
extern esp_err_t esp_netif_attach(esp_netif_t *interface, void *driver);
extern esp_netif_t *esp_netif_get_default_netif(void);
extern _Bool esp_netif_is_netif_up(esp_netif_t *interface);
extern esp_err_t esp_netif_get_ip_info(esp_netif_t *interface, esp_netif_ip_info_t *information);
extern char *esp_ip4addr_ntoa(const esp_ip4_addr_t *address, char *text, int size);
