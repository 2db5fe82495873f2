/* libcuda: memory of the GPUs, and copies. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "driver.h"
#include "machine.h"

enum { PAGE = 2 << 20, UNIT = 256 };

/* Memory of a GPU is memory of the process, whose pages cost nothing until they are touched.
   `copied` has for each unit how many bytes have last been copied to its begin, 0: none. */
typedef struct Region {
  Address begin;
  size_t bytes;
  int device;
  size_t *copied;
  struct Region *next;
} Region;

static Region *regions;
static pthread_mutex_t regions_lock = PTHREAD_MUTEX_INITIALIZER;

static void *map(size_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapped == MAP_FAILED) abort();
  return mapped;
}

static size_t bytes_of_copied(size_t bytes) { return bytes / UNIT * sizeof(size_t); }

int cuMemAlloc_v2(Address *found, size_t asked) {
  size_t bytes = (asked + PAGE - 1) / PAGE * PAGE;
  int device;
  cuCtxGetDevice(&device);
  if (take_memory(machine_device(device), bytes)) return OUT_OF_MEMORY;
  Region *region = malloc(sizeof *region);
  *found = (Address)map(bytes);
  pthread_mutex_lock(&regions_lock);
  *region = (Region){*found, bytes, device, map(bytes_of_copied(bytes)), regions};
  regions = region;
  pthread_mutex_unlock(&regions_lock);
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
  munmap(region->copied, bytes_of_copied(region->bytes));
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

/* The region that has an address; NULL: it is the host's. */
static Region *region_of(Address address) {
  pthread_mutex_lock(&regions_lock);
  Region *region = regions;
  while (region && address - region->begin >= region->bytes) region = region->next;
  pthread_mutex_unlock(&regions_lock);
  return region;
}

int cuPointerGetAttribute(void *value, int attribute, Address address) {
  enum { CONTEXT = 1, MEMORY_TYPE = 2, DEVICE = 9, OF_HOST = 1, OF_DEVICE = 2 };
  Region *region = region_of(address);
  int device = region ? region->device : 0;
  if (attribute == CONTEXT)
    cuDevicePrimaryCtxRetain(value, device);
  else if (attribute == MEMORY_TYPE)
    *(int *)value = region ? OF_DEVICE : OF_HOST;
  else
    *(int *)value = attribute == DEVICE ? device : 0;
  return SUCCESS;
}

int cuMemHostAlloc(void **found, size_t bytes, unsigned flags) {
  return posix_memalign(found, 4096, bytes ? bytes : 1);
}

int cuMemFreeHost(void *address) {
  free(address);
  return SUCCESS;
}

/* As kernels compute nothing, what the host reads from a GPU is what it has copied to the same
   place in the same size, or zero. */

static size_t *copied_to(Address address) {
  Region *region = region_of(address);
  return region ? region->copied + (address - region->begin) / UNIT : NULL;
}

void copy(Address to, Address from, size_t bytes) {
  size_t *kept = copied_to(to), *known = copied_to(from);
  if (known && *known != bytes) {
    if (!kept) memset((void *)to, 0, bytes);
    if (kept) *kept = 0;
    return;
  }
  memmove((void *)to, (void *)from, bytes);
  if (kept) *kept = bytes;
}

int cuMemcpyHtoD_v2(Address to, const void *from, size_t bytes) {
  copy(to, (Address)from, bytes);
  return SUCCESS;
}

int cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) {
  copy((Address)to, from, bytes);
  return SUCCESS;
}

int cuMemcpyDtoD_v2(Address to, Address from, size_t bytes) {
  copy(to, from, bytes);
  return SUCCESS;
}

int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void *stream) {
  return cuMemcpyDtoD_v2(to, from, bytes);
}

/* Copies between host and GPU take time where kernels do. */

static const double copy_seconds = 10e-6, bytes_a_second = 20e9;

static int transfer(Address to, Address from, size_t bytes, void *stream) {
  copy(to, from, bytes);
  if (kernel_seconds() > 0) occupy(stream, copy_seconds + (double)bytes / bytes_a_second);
  return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, void *stream) {
  return transfer(to, (Address)from, bytes, stream);
}

int cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, void *stream) {
  return transfer((Address)to, from, bytes, stream);
}
