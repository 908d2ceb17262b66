/* Double. */
#pragma once
#include "esp_err.h"

typedef void *esp_eth_handle_t;
typedef struct esp_eth_mac_s esp_eth_mac_t;
typedef struct esp_eth_phy_s esp_eth_phy_t;
struct esp_eth_mac_s { esp_err_t (*del)(esp_eth_mac_t *mac); };
struct esp_eth_phy_s { esp_err_t (*del)(esp_eth_phy_t *phy); };
typedef struct { uint32_t sw_reset_timeout_ms; } eth_mac_config_t;
typedef struct { int32_t phy_addr; uint32_t reset_timeout_ms, autonego_timeout_ms; } eth_phy_config_t;
typedef struct { esp_eth_mac_t *mac; esp_eth_phy_t *phy; } esp_eth_config_t;
typedef enum { ETH_CMD_G_MAC_ADDR, ETH_CMD_S_MAC_ADDR } esp_eth_io_cmd_t;
enum { ETHERNET_EVENT_START, ETHERNET_EVENT_STOP, ETHERNET_EVENT_CONNECTED, ETHERNET_EVENT_DISCONNECTED };

#define ETH_MAC_DEFAULT_CONFIG() { 100 }
#define ETH_PHY_DEFAULT_CONFIG() { -1, 100, 4000 }
#define ETH_DEFAULT_CONFIG(mac_, phy_) { .mac = mac_, .phy = phy_ }

extern esp_err_t esp_eth_driver_install(const esp_eth_config_t *config, esp_eth_handle_t *driver);
extern esp_err_t esp_eth_start(esp_eth_handle_t driver);
extern esp_err_t esp_eth_ioctl(esp_eth_handle_t driver, esp_eth_io_cmd_t command, void *data);
extern esp_eth_phy_t *esp_eth_phy_new_generic(const eth_phy_config_t *config);
