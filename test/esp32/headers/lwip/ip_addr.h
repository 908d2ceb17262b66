/* Double of lwIP's, with both versions of IP. */
#pragma once
#include <stdint.h>

typedef struct { uint32_t addr; } ip4_addr_t;
typedef struct { union { ip4_addr_t ip4; uint32_t ip6[5]; } u_addr; uint8_t type; } ip_addr_t;

#define IP_IS_V4(address) (((address) == NULL) || ((address)->type == 0))
#define ip_2_ip4(address) (&((address)->u_addr.ip4))

extern char *ip4addr_ntoa_r(const ip4_addr_t *address, char *text, int size);
