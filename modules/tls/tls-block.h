#ifndef __TLS_BLOCK__
#define __TLS_BLOCK__

#include <stddef.h>
#include <stdint.h>

/* Memory that a connection shares with the JavaScript buffer object that shows it. */
typedef struct {
	uint32_t references;
	uint32_t size;
	uint8_t bytes[];
} TLSBlock;

extern TLSBlock *tlsBlockCreate(uint32_t size);
extern void tlsBlockRetain(TLSBlock *block);
extern void tlsBlockRelease(TLSBlock *block);
/* The block whose `bytes` these are. */
extern TLSBlock *tlsBlockOf(void *bytes);

#endif
