/*
	The serial port of the console.

	A task waits for bytes, puts them into a ring and posts one message to the machine, whose callback reads the ring. Nothing is
	allocated for what comes; what nobody reads in time is dropped, as on every serial port.
*/

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdlib.h>
#include <string.h>

#include "sdkconfig.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#if CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG
	// mcconfig has no include path to this component, but one to the folder of all.
	#include "esp_driver_usb_serial_jtag/include/driver/usb_serial_jtag.h"
#else
	#include "driver/uart.h"
	#define kPort (UART_NUM_0)
#endif

/* What a person pastes at once; the shell keeps as much. A power of two. */
#define kRingBytes (512)
/* A screen of text, so that the shell does not stop for each line. */
#define kSendBytes (2048)
#define kTaskStack (2560)
/* Above the machine (4), so that the hardware's queue of 128 bytes never overflows; it only copies. */
#define kTaskPriority (5)
/* The task looks this often whether the port was closed. */
#define kWaitMilliseconds (100)

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot onReadable;
	TaskHandle_t task;
	uint8_t ring[kRingBytes];
	uint32_t written;		// by the task
	uint32_t taken;			// by the machine
	uint8_t announced;		// a message is on its way, or its callback has not read yet
	uint8_t closed;
	uint8_t holders;		// machine, task, messages: whoever lets go last frees the record
} SerialPortRecord, *SerialPort;

static portMUX_TYPE gLock = portMUX_INITIALIZER_UNLOCKED;
static uint8_t gOpen;

static void release(SerialPort port)
{
	int last;

	portENTER_CRITICAL(&gLock);
	last = 0 == --port->holders;
	portEXIT_CRITICAL(&gLock);
	if (last)
		free(port);
}

#if CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG

static esp_err_t portStart(void)
{
	usb_serial_jtag_driver_config_t config = {.tx_buffer_size = kSendBytes, .rx_buffer_size = kRingBytes};

	return usb_serial_jtag_is_driver_installed() ? ESP_OK : usb_serial_jtag_driver_install(&config);
}

static int portRead(uint8_t *bytes, uint32_t count)
{
	return usb_serial_jtag_read_bytes(bytes, count, pdMS_TO_TICKS(kWaitMilliseconds));
}

/*
	Bytes that the driver was given since it had none last. It takes all of a piece or nothing and does not tell its room, only when
	everything has left; it may say so once too early, while it is given a piece, hence half of the buffer. Without a computer on the
	other end nothing leaves.
*/
static size_t gGiven;

static size_t portRoom(void)
{
	if (gGiven && (ESP_OK == usb_serial_jtag_wait_tx_done(0)))
		gGiven = 0;
	return kSendBytes / 2 - gGiven;
}

static int portWrite(const uint8_t *bytes, size_t count)
{
	// The driver complains about nothing.
	int sent = count ? usb_serial_jtag_write_bytes(bytes, count, 0) : 0;

	if (sent > 0)
		gGiven += (size_t)sent;
	return sent;
}

#else

/* What the hardware keeps itself. */
#define kHardwareBytes (128)

/* In instrumented builds the SDK has installed the driver, without a buffer for sending; nobody reads it there. */
static uint8_t gBuffered;

static esp_err_t portStart(void)
{
	uart_config_t config = {
		.baud_rate = 115200,
		.data_bits = UART_DATA_8_BITS,
		.parity = UART_PARITY_DISABLE,
		.stop_bits = UART_STOP_BITS_1,
		.flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
		.source_clk = UART_SCLK_DEFAULT
	};
	esp_err_t error;

	if (uart_is_driver_installed(kPort))
		return ESP_OK;
#if CONFIG_ESP_CONSOLE_UART_BAUDRATE
	config.baud_rate = CONFIG_ESP_CONSOLE_UART_BAUDRATE;
#endif
	error = uart_param_config(kPort, &config);
	if (ESP_OK == error)
		error = uart_driver_install(kPort, kRingBytes, kSendBytes, 0, NULL, 0);
	gBuffered = ESP_OK == error;
	return error;
}

static int portRead(uint8_t *bytes, uint32_t count)
{
	return uart_read_bytes(kPort, bytes, count, pdMS_TO_TICKS(kWaitMilliseconds));
}

static size_t portRoom(void)
{
	size_t room = 0;

	// A driver without a buffer waits for the hardware: 11 ms for what that keeps.
	if (!gBuffered)
		return kHardwareBytes;
	return (ESP_OK == uart_get_tx_buffer_free_size(kPort, &room)) ? room : 0;
}

static int portWrite(const uint8_t *bytes, size_t count)
{
	return uart_write_bytes(kPort, bytes, count);
}

#endif

static void deliver(void *machine, void *refcon, uint8_t *message, uint16_t messageLength)
{
	xsMachine *the = machine;
	SerialPort port = refcon;

	(void)message;
	(void)messageLength;
	__atomic_store_n(&port->announced, 0, __ATOMIC_SEQ_CST);
	if (!port->closed) {
		xsBeginHost(the);
			xsmcVars(2);
			xsVar(0) = xsAccess(port->object);
			xsVar(1) = xsAccess(port->onReadable);
			// Whatever escaped from here would end the machine.
			xsTry {
				xsCallFunction0(xsVar(1), xsVar(0));
			}
			xsCatch {
			}
		xsEndHost(the);
	}
	release(port);
}

static void announce(SerialPort port)
{
	if (__atomic_exchange_n(&port->announced, 1, __ATOMIC_SEQ_CST))
		return;
	portENTER_CRITICAL(&gLock);
	port->holders += 1;
	portEXIT_CRITICAL(&gLock);
	if (modMessagePostToMachine(port->the, NULL, 0, deliver, port)) {
		__atomic_store_n(&port->announced, 0, __ATOMIC_SEQ_CST);
		release(port);
	}
}

static void receive(void *it)
{
	SerialPort port = it;
	uint8_t bytes[64];

	while (!__atomic_load_n(&port->closed, __ATOMIC_SEQ_CST)) {
		int count = portRead(bytes, sizeof(bytes)), i;
		uint32_t written = port->written;

		for (i = 0; i < count; i++) {
			if (written - __atomic_load_n(&port->taken, __ATOMIC_SEQ_CST) == kRingBytes)
				break;
			port->ring[written++ % kRingBytes] = bytes[i];
		}
		__atomic_store_n(&port->written, written, __ATOMIC_SEQ_CST);
		// Again when the queue of the machine was full: what waits is announced with the next look.
		if (written != __atomic_load_n(&port->taken, __ATOMIC_SEQ_CST))
			announce(port);
	}
	release(port);
	vTaskDelete(NULL);
}

static void shut(SerialPort port)
{
	__atomic_store_n(&port->closed, 1, __ATOMIC_SEQ_CST);
	gOpen = 0;
	release(port);
}

/* The machine ends. */
void xs_serialport_destructor(void *it)
{
	if (it)
		shut(it);
}

void xs_serialport(xsMachine *the)
{
	SerialPort port;
	esp_err_t error;

#ifdef mxDebug
	xsUnknownError("the serial port belongs to xsbug in a debug build");
#endif
	if (gOpen)
		xsUnknownError("the serial port is open already");
	error = portStart();
	if (ESP_OK != error)
		xsUnknownError("the serial port cannot be used: error 0x%x", (int)error);

	xsmcVars(1);
	xsmcGet(xsVar(0), xsArg(0), xsID_onReadable);
	port = calloc(1, sizeof(SerialPortRecord));
	if (!port)
		xsUnknownError("no memory for the serial port");
	port->the = the;
	port->holders = 2;
	if (pdPASS != xTaskCreate(receive, "console", kTaskStack / sizeof(StackType_t), port, kTaskPriority, &port->task)) {
		free(port);
		xsUnknownError("no memory for the task of the serial port");
	}
	gOpen = 1;
	xsmcSetHostData(xsThis, port);
	port->object = xsThis;
	port->onReadable = xsVar(0);
	xsRemember(port->object);
	xsRemember(port->onReadable);
}

void xs_serialport_close(xsMachine *the)
{
	SerialPort port = xsmcGetHostData(xsThis);

	if (!port)
		return;
	port = xsmcGetHostDataValidate(xsThis, xs_serialport_destructor);
	xsForget(port->object);
	xsForget(port->onReadable);
	xsmcSetHostData(xsThis, NULL);
	shut(port);
}

void xs_serialport_read(xsMachine *the)
{
	SerialPort port = xsmcGetHostDataValidate(xsThis, xs_serialport_destructor);
	uint32_t taken = port->taken, written = __atomic_load_n(&port->written, __ATOMIC_SEQ_CST);
	uint8_t *bytes;
	void *data;
	xsUnsignedValue size, count = 0;

	xsmcGetBufferWritable(xsArg(0), &data, &size);
	bytes = data;
	while ((count < size) && (taken != written))
		bytes[count++] = port->ring[taken++ % kRingBytes];
	__atomic_store_n(&port->taken, taken, __ATOMIC_SEQ_CST);
	xsmcSetInteger(xsResult, (xsIntegerValue)count);
}

void xs_serialport_write(xsMachine *the)
{
	size_t room = portRoom();
	void *data;
	xsUnsignedValue size;
	int sent;

	xsmcGetHostDataValidate(xsThis, xs_serialport_destructor);
	xsmcGetBufferReadable(xsArg(0), &data, &size);
	sent = portWrite(data, (size < room) ? size : room);
	xsmcSetInteger(xsResult, (sent > 0) ? sent : 0);
}

void xs_serialport_get_room(xsMachine *the)
{
	xsmcGetHostDataValidate(xsThis, xs_serialport_destructor);
	xsmcSetInteger(xsResult, (xsIntegerValue)portRoom());
}
