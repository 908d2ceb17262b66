/* Double. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef int BaseType_t;
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;
typedef uint8_t StackType_t;
typedef struct { uint32_t owner, count; } portMUX_TYPE;

#define pdPASS 1
#define pdMS_TO_TICKS(milliseconds) ((TickType_t)(milliseconds) / 10)
#define portMUX_INITIALIZER_UNLOCKED { 0xB33FFFFF, 0 }
#define portENTER_CRITICAL(lock) vPortEnterCritical(lock)
#define portEXIT_CRITICAL(lock) vPortExitCritical(lock)

extern void vPortEnterCritical(portMUX_TYPE *lock);
extern void vPortExitCritical(portMUX_TYPE *lock);
