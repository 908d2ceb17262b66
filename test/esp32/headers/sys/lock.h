/* Double of newlib's. */
#pragma once
typedef void *_lock_t;
extern void _lock_acquire(_lock_t *lock);
extern int _lock_try_acquire(_lock_t *lock);
extern void _lock_release(_lock_t *lock);
