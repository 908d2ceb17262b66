/*
	The OpenCores Ethernet of an emulated chip. The SDK's own module knows the ESP32's MAC and chips on SPI only.
*/

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdlib.h>

#include "sdkconfig.h"
#include "esp_eth.h"
#include "esp_eth_mac_openeth.h"
#include "esp_eth_netif_glue.h"
#include "esp_eth_phy.h"
#include "esp_event.h"
#include "esp_mac.h"
#include "esp_netif.h"

#if !CONFIG_ETH_USE_OPENETH
	#error "openeth needs CONFIG_ETH_USE_OPENETH=y"
#endif

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot onChanged;
	uint32_t holders;		// machine and messages under way: whoever lets go last frees the record
	uint8_t closed;
} OpenEthRecord, *OpenEth;

/* The driver is installed once; a closed object leaves it to the next one. */
static esp_netif_t *gInterface;
static esp_eth_handle_t gDriver;

static void release(OpenEth eth)
{
	if (0 == __atomic_sub_fetch(&eth->holders, 1, __ATOMIC_SEQ_CST))
		free(eth);
}

static void deliver(void *machine, void *refcon, uint8_t *message, uint16_t messageLength)
{
	xsMachine *the = machine;
	OpenEth eth = refcon;

	(void)message;
	(void)messageLength;
	if (!eth->closed) {
		xsBeginHost(the);
			xsmcVars(2);
			xsVar(0) = xsAccess(eth->object);
			xsVar(1) = xsAccess(eth->onChanged);
			// Whatever escaped from here would end the machine.
			xsTry {
				xsCallFunction0(xsVar(1), xsVar(0));
			}
			xsCatch {
			}
		xsEndHost(the);
	}
	release(eth);
}

/* On the task of the event loop. */
static void changed(void *argument, esp_event_base_t base, int32_t event, void *data)
{
	OpenEth eth = argument;

	(void)base;
	(void)event;
	(void)data;
	__atomic_add_fetch(&eth->holders, 1, __ATOMIC_SEQ_CST);
	if (modMessagePostToMachine(eth->the, NULL, 0, deliver, eth))
		release(eth);
}

/* The first error, and everything that was made undone. */
static esp_err_t start(void)
{
	eth_mac_config_t macConfig = ETH_MAC_DEFAULT_CONFIG();
	eth_phy_config_t phyConfig = ETH_PHY_DEFAULT_CONFIG();
	esp_netif_config_t interfaceConfig = ESP_NETIF_DEFAULT_ETH();
	esp_eth_netif_glue_handle_t glue;
	uint8_t address[6];
	esp_err_t error;

	if (gDriver)
		return ESP_OK;
	error = esp_netif_init();
	if (ESP_OK != error)
		return error;
	error = esp_event_loop_create_default();
	if ((ESP_OK != error) && (ESP_ERR_INVALID_STATE != error))
		return error;

	// The emulated transceiver answers at any address and does not autonegotiate in any time worth waiting for.
	phyConfig.autonego_timeout_ms = 100;
	esp_eth_mac_t *mac = esp_eth_mac_new_openeth(&macConfig);
	esp_eth_phy_t *phy = esp_eth_phy_new_generic(&phyConfig);
	if (!mac || !phy) {
		error = ESP_ERR_NO_MEM;
		goto undo;
	}

	esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
	error = esp_eth_driver_install(&config, &gDriver);
	if (ESP_OK != error)
		goto undo;

	error = esp_read_mac(address, ESP_MAC_ETH);
	if (ESP_OK == error)
		error = esp_eth_ioctl(gDriver, ETH_CMD_S_MAC_ADDR, address);
	if (ESP_OK == error) {
		gInterface = esp_netif_new(&interfaceConfig);
		glue = gInterface ? esp_eth_new_netif_glue(gDriver) : NULL;
		error = glue ? esp_netif_attach(gInterface, glue) : ESP_ERR_NO_MEM;
	}
	if (ESP_OK == error)
		error = esp_eth_start(gDriver);
	if (ESP_OK == error)
		return ESP_OK;

	// The interface keeps the driver in use; a device that comes here restarts.
	return error;

undo:
	gDriver = NULL;
	if (phy)
		phy->del(phy);
	if (mac)
		mac->del(mac);
	return error;
}

static void unwatch(OpenEth eth)
{
	esp_event_handler_unregister(IP_EVENT, IP_EVENT_ETH_GOT_IP, changed);
	esp_event_handler_unregister(IP_EVENT, IP_EVENT_ETH_LOST_IP, changed);
	esp_event_handler_unregister(ETH_EVENT, ETHERNET_EVENT_DISCONNECTED, changed);
	eth->closed = 1;
	release(eth);
}

/* The machine ends. */
void xs_openeth_destructor(void *it)
{
	if (it)
		unwatch(it);
}

void xs_openeth(xsMachine *the)
{
	OpenEth eth;
	esp_err_t error;

	xsmcVars(1);
	xsmcGet(xsVar(0), xsArg(0), xsID_onChanged);
	eth = calloc(1, sizeof(OpenEthRecord));
	if (!eth)
		xsUnknownError("no memory for Ethernet");
	eth->the = the;
	eth->holders = 1;
	// Before the driver: its first event must not be missed.
	error = esp_event_loop_create_default();
	if (ESP_ERR_INVALID_STATE == error)
		error = ESP_OK;
	if (ESP_OK == error)
		error = esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, changed, eth);
	if (ESP_OK == error)
		error = esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_LOST_IP, changed, eth);
	if (ESP_OK == error)
		error = esp_event_handler_register(ETH_EVENT, ETHERNET_EVENT_DISCONNECTED, changed, eth);
	eth->object = xsThis;
	eth->onChanged = xsVar(0);
	if (ESP_OK == error)
		error = start();
	if (ESP_OK != error) {
		unwatch(eth);
		xsUnknownError("Ethernet cannot be started: error 0x%x", (int)error);
	}
	xsmcSetHostData(xsThis, eth);
	xsRemember(eth->object);
	xsRemember(eth->onChanged);
}

void xs_openeth_close(xsMachine *the)
{
	OpenEth eth = xsmcGetHostData(xsThis);

	if (!eth)
		return;
	eth = xsmcGetHostDataValidate(xsThis, xs_openeth_destructor);
	xsForget(eth->object);
	xsForget(eth->onChanged);
	xsmcSetHostData(xsThis, NULL);
	unwatch(eth);
}

void xs_openeth_get_address(xsMachine *the)
{
	esp_netif_ip_info_t information;
	char text[16];

	xsmcGetHostDataValidate(xsThis, xs_openeth_destructor);
	if (!gInterface || !esp_netif_is_netif_up(gInterface))
		return;
	if ((ESP_OK != esp_netif_get_ip_info(gInterface, &information)) || !information.ip.addr)
		return;
	xsmcSetString(xsResult, esp_ip4addr_ntoa(&information.ip, text, sizeof(text)));
}
