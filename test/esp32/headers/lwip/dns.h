/* Double of lwIP's. */
#pragma once
#include "lwip/ip_addr.h"

typedef int8_t err_t;
enum { ERR_OK = 0, ERR_MEM = -1, ERR_INPROGRESS = -5 };
enum { LWIP_DNS_ADDRTYPE_IPV4, LWIP_DNS_ADDRTYPE_IPV6 };
typedef void (*dns_found_callback)(const char *name, const ip_addr_t *address, void *argument);

extern err_t dns_gethostbyname_addrtype(const char *name, ip_addr_t *address, dns_found_callback found, void *argument, uint8_t type);
