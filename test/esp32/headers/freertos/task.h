/* Double. */
#pragma once
#include "freertos/FreeRTOS.h"

typedef struct tskTaskControlBlock *TaskHandle_t;
typedef void (*TaskFunction_t)(void *argument);

#define tskIDLE_PRIORITY ((UBaseType_t)0)

extern BaseType_t xTaskCreate(TaskFunction_t code, const char *name, uint32_t stack, void *argument, UBaseType_t priority, TaskHandle_t *task);
extern void vTaskDelete(TaskHandle_t task);
extern void vTaskDelay(TickType_t ticks);
extern UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
