/* libcuda: memory of the GPUs, and copies.

   It is memory of the process, of which pages that nobody touches cost the host nothing. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "driver.h"
#include "machine.h"

enum { PAGE = 2 << 20 };

typedef struct Region {
  Address begin;
  size_t bytes;
  int device;
  struct Region *next;
} Region;

static Region *regions;
static pthread_mutex_t regions_lock = PTHREAD_MUTEX_INITIALIZER;

int cuMemAlloc_v2(Address *found, size_t asked) {
  size_t bytes = (asked + PAGE - 1) / PAGE * PAGE;
  int device;
  cuCtxGetDevice(&device);
  if (take_memory(machine_device(device), bytes)) return OUT_OF_MEMORY;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapped == MAP_FAILED) {
    give_memory(machine_device(device), bytes);
    return OUT_OF_MEMORY;
  }
  Region *region = malloc(sizeof *region);
  pthread_mutex_lock(&regions_lock);
  *region = (Region){(Address)mapped, bytes, device, regions};
  regions = region;
  pthread_mutex_unlock(&regions_lock);
  *found = (Address)mapped;
  return SUCCESS;
}

int cuMemFree_v2(Address address) {
  pthread_mutex_lock(&regions_lock);
  Region **place = &regions, *region;
  while ((region = *place) && region->begin != address) place = &region->next;
  if (region) *place = region->next;
  pthread_mutex_unlock(&regions_lock);
  if (!region) return SUCCESS;
  munmap((void *)region->begin, region->bytes);
  give_memory(machine_device(region->device), region->bytes);
  free(region);
  return SUCCESS;
}

int cuMemGetInfo_v2(size_t *available, size_t *total) {
  int device;
  cuCtxGetDevice(&device);
  size_t taken = memory_taken(machine_device(device));
  if (taken < CONTEXT_BYTES) taken = CONTEXT_BYTES;
  *total = device_bytes();
  *available = taken < *total ? *total - taken : 0;
  return SUCCESS;
}

/* The device whose memory has an address; -1: the host's. */
static int device_of(Address address) {
  int device = -1;
  pthread_mutex_lock(&regions_lock);
  for (Region *region = regions; region; region = region->next)
    if (address - region->begin < region->bytes) device = region->device;
  pthread_mutex_unlock(&regions_lock);
  return device;
}

int cuPointerGetAttribute(void *value, int attribute, Address address) {
  enum { CONTEXT = 1, MEMORY_TYPE = 2, DEVICE = 9, OF_HOST = 1, OF_DEVICE = 2 };
  int device = device_of(address), index = device < 0 ? 0 : device;
  if (attribute == CONTEXT)
    cuDevicePrimaryCtxRetain(value, index);
  else if (attribute == MEMORY_TYPE)
    *(int *)value = device < 0 ? OF_HOST : OF_DEVICE;
  else
    *(int *)value = attribute == DEVICE ? index : 0;
  return SUCCESS;
}

int cuMemHostAlloc(void **found, size_t bytes, unsigned flags) {
  return posix_memalign(found, 4096, bytes ? bytes : 1);
}

int cuMemFreeHost(void *address) {
  free(address);
  return SUCCESS;
}

/* Copies to and from the host are made; they take time where kernels do. */

static const double copy_seconds = 10e-6, bytes_a_second = 20e9;

static int copy(void *to, const void *from, size_t bytes, void *stream) {
  memcpy(to, from, bytes);
  if (kernel_seconds() > 0) occupy(stream, copy_seconds + (double)bytes / bytes_a_second);
  return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, void *stream) {
  return copy((void *)to, from, bytes, stream);
}

int cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, void *stream) {
  return copy(to, (void *)from, bytes, stream);
}

int cuMemcpyHtoD_v2(Address to, const void *from, size_t bytes) {
  memcpy((void *)to, from, bytes);
  return SUCCESS;
}

int cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) {
  memcpy(to, (void *)from, bytes);
  return SUCCESS;
}

/* Large ones on a GPU are left out: nothing reads them, and their pages stay untouched. */

enum { SMALL = 1 << 20 };

int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void *stream) {
  if (bytes <= SMALL) memmove((void *)to, (void *)from, bytes);
  return SUCCESS;
}

int cuMemcpyDtoD_v2(Address to, Address from, size_t bytes) {
  return cuMemcpyDtoDAsync_v2(to, from, bytes, NULL);
}

int cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void *stream) {
  if (bytes <= SMALL) memset((void *)to, value, bytes);
  return SUCCESS;
}

int cuMemsetD32Async(Address to, unsigned value, size_t words, void *stream) {
  for (size_t i = 0; i < words && words <= SMALL / sizeof value; i++) ((unsigned *)to)[i] = value;
  return SUCCESS;
}
