/* The machine that the stand-in shows: how many GPUs, their memory, the time their work takes. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { MOST_DEVICES = 8 };

/* What the libraries' functions return; the numbers are CUDA's. */
enum { SUCCESS = 0, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, NOT_READY = 600 };

/* Bytes of each process's own on a GPU that it computes on, beside what it allocates. */
enum { CONTEXT_BYTES = 500 << 20 };

#define DEVICE_NAME "NVIDIA H100 80GB HBM3"
enum { CUDA_VERSION = 12090 };

int device_count(void);        /* STAND_IN_DEVICES */
size_t device_bytes(void);     /* STAND_IN_BYTES: memory of each GPU */
double kernel_seconds(void);   /* STAND_IN_KERNEL_US: time of each kernel */

/* Memory is counted over all processes that name the same file in STAND_IN_MEMORY. */
int take_memory(int device, size_t bytes); /* SUCCESS or OUT_OF_MEMORY */
void give_memory(int device, size_t bytes);
size_t memory_taken(int device);

typedef struct {
  int pid;
  size_t bytes;
} Taker;

/* The processes that have memory of a GPU; returns how many, of which `most` are written. */
unsigned takers(int device, Taker *found, unsigned most);
