/* libcuda: devices, memory, streams, events, kernels and graphs of kernels. */
#define _GNU_SOURCE
#include "driver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "machine.h"

typedef uint64_t Address; /* Memory of a GPU is memory of the process. */

static void *object(void) { return calloc(1, sizeof(double)); }

/* Devices */

static int visible[MOST_DEVICES], count = -1;

/* An index, or the beginning of an identifier as the management library makes them. */
static int named_device(const char *name) {
  if (!strncmp(name, "GPU-", 4)) name += 4;
  return *name >= '0' && *name <= '9' ? atoi(name) : -1;
}

int cuInit(unsigned flags) {
  if (count >= 0) return count ? SUCCESS : NO_DEVICE;
  const char *given = getenv("CUDA_VISIBLE_DEVICES");
  count = 0;
  if (!given)
    for (; count < device_count(); count++) visible[count] = count;
  char *names = strdup(given ? given : ""), *rest = names;
  for (char *name; (name = strsep(&rest, ",")) && count < MOST_DEVICES;) {
    int device = named_device(name);
    if (device < 0 || device >= device_count()) break; /* CUDA ignores those behind it, too. */
    visible[count++] = device;
  }
  free(names);
  return count ? SUCCESS : NO_DEVICE;
}

int cuDriverGetVersion(int *version) {
  *version = CUDA_VERSION;
  return SUCCESS;
}

int cuDeviceGetCount(int *found) {
  cuInit(0);
  *found = count;
  return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return ordinal < count ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int size, int device) {
  snprintf(name, (size_t)size, DEVICE_NAME);
  return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = device_bytes();
  return SUCCESS;
}

int cuDeviceGetPCIBusId(char *name, int size, int device) {
  snprintf(name, (size_t)size, "0000:%02x:00.0", visible[device] + 1);
  return SUCCESS;
}

/* Those of an H100 that are not 0, by CUDA's numbers of attributes. */
static const int attributes[] = {
    [1] = 1024,       /* threads in a block */
    [2] = 1024,       /* and along x, */
    [3] = 1024,       /* y */
    [4] = 64,         /* and z */
    [5] = 2147483647, /* blocks in a grid along x, */
    [6] = 65535,      /* y */
    [7] = 65535,      /* and z */
    [8] = 49152,      /* bytes of shared memory in a block */
    [9] = 65536,      /* bytes of constant memory */
    [10] = 32,        /* threads in a warp */
    [11] = 2147483647, /* bytes from row to row of a copy */
    [12] = 65536,     /* registers in a block */
    [13] = 1980000,   /* kHz */
    [14] = 512,       /* alignment of textures */
    [15] = 1,         /* copies overlap with kernels */
    [16] = 132,       /* multiprocessors */
    [19] = 1,         /* can map memory of the host */
    [31] = 1,         /* several kernels at a time */
    [36] = 2619000,   /* kHz of the memory */
    [37] = 5120,      /* bits of its bus */
    [38] = 52428800,  /* bytes of L2 cache */
    [39] = 2048,      /* threads in a multiprocessor */
    [40] = 3,         /* engines that copy */
    [41] = 1,         /* addresses unified with the host's */
    [75] = 9,         /* compute capability 9.0 */
    [78] = 1,         /* priorities of streams */
    [81] = 233472,    /* bytes of shared memory in a multiprocessor */
    [82] = 65536,     /* registers there */
    [83] = 1,         /* managed memory */
    [95] = 1,         /* cooperative launches */
    [97] = 232448,    /* bytes of shared memory in a block that asks for them */
    [106] = 32,       /* blocks in a multiprocessor */
    [111] = 1024,     /* bytes of shared memory that each block loses */
    [115] = 1,        /* pools of memory */
};

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  int known = attribute >= 0 && attribute < (int)(sizeof attributes / sizeof *attributes);
  *value = known ? attributes[attribute] : 0;
  if (attribute == 33) *value = visible[device] + 1; /* the PCI bus */
  return SUCCESS;
}

/* Contexts: one for each device, told by its address. */

static char contexts[MOST_DEVICES];
static _Thread_local char *current;

int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = contexts + device;
  return SUCCESS;
}

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  *flags = 0;
  *active = 1;
  return SUCCESS;
}

int cuCtxGetCurrent(void **context) {
  *context = current;
  return SUCCESS;
}

int cuCtxSetCurrent(void *context) {
  current = context;
  return SUCCESS;
}

int cuCtxGetDevice(int *device) {
  *device = current ? (int)(current - contexts) : 0;
  return SUCCESS;
}

int cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0;
  *greatest = -5;
  return SUCCESS;
}

/* Memory: pages that nobody touches cost the host nothing. */

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
  if (take_memory(visible[device], bytes)) return OUT_OF_MEMORY;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapped == MAP_FAILED) {
    give_memory(visible[device], bytes);
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
  give_memory(visible[region->device], region->bytes);
  free(region);
  return SUCCESS;
}

int cuMemAllocAsync(Address *found, size_t asked, void *stream) {
  return cuMemAlloc_v2(found, asked);
}

int cuMemFreeAsync(Address address, void *stream) { return cuMemFree_v2(address); }

int cuMemGetInfo_v2(size_t *available, size_t *total) {
  int device;
  cuCtxGetDevice(&device);
  size_t taken = memory_taken(visible[device]);
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
    *(void **)value = contexts + index;
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

/* Time: a stream, or an event, is the moment until which it is busy, in seconds. */

static double default_stream;

static double *stream_of(void *stream) { return stream ? stream : &default_stream; }

static double now(void) {
  struct timespec moment;
  clock_gettime(CLOCK_MONOTONIC, &moment);
  return (double)moment.tv_sec + (double)moment.tv_nsec * 1e-9;
}

static int wait_until(double moment) {
  double seconds = moment - now();
  if (seconds <= 0) return SUCCESS;
  struct timespec rest = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&rest, NULL);
  return SUCCESS;
}

/* Has a stream work when it is done with what it has; returns when it will begin. */
static double work(void *stream, double seconds) {
  double *busy = stream_of(stream), begin = now();
  if (*busy > begin) begin = *busy;
  *busy = begin + seconds;
  return begin;
}

static double covered, covered_to;
static pthread_mutex_t covered_lock = PTHREAD_MUTEX_INITIALIZER;

void launch(void *stream, long kernels) {
  double seconds = (double)kernels * kernel_seconds(), begin = work(stream, seconds);
  pthread_mutex_lock(&covered_lock);
  if (begin < covered_to) seconds -= covered_to - begin;
  if (seconds > 0) {
    covered += seconds;
    covered_to = begin + seconds > covered_to ? begin + seconds : covered_to;
  }
  pthread_mutex_unlock(&covered_lock);
}

/* Not CUDA's: seconds in which some stream has run, or has still to run, kernels. */
double stand_in_busy_seconds(void) { return covered; }

int cuStreamCreate(void **stream, unsigned flags) {
  *stream = object();
  return SUCCESS;
}

int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) {
  return cuStreamCreate(stream, flags);
}

int cuStreamDestroy_v2(void *stream) {
  free(stream);
  return SUCCESS;
}

int cuStreamIsCapturing(void *stream, int *status) {
  *status = 0;
  return SUCCESS;
}

int cuStreamSynchronize(void *stream) { return wait_until(*stream_of(stream)); }

int cuStreamQuery(void *stream) { return now() < *stream_of(stream) ? NOT_READY : SUCCESS; }

int cuStreamWaitEvent(void *stream, double *event, unsigned flags) {
  if (*stream_of(stream) < *event) *stream_of(stream) = *event;
  return SUCCESS;
}

int cuLaunchHostFunc(void *stream, void (*function)(void *), void *data) {
  cuStreamSynchronize(stream);
  function(data);
  return SUCCESS;
}

int cuEventCreate(void **event, unsigned flags) {
  *event = object();
  return SUCCESS;
}

int cuEventDestroy_v2(void *event) {
  free(event);
  return SUCCESS;
}

int cuEventRecord(double *event, void *stream) {
  *event = work(stream, 0);
  return SUCCESS;
}

int cuEventQuery(double *event) { return now() < *event ? NOT_READY : SUCCESS; }

int cuEventSynchronize(double *event) { return wait_until(*event); }

int cuEventElapsedTime_v2(float *milliseconds, double *begin, double *end) {
  *milliseconds = (float)((*end - *begin) * 1e3);
  return SUCCESS;
}

int cuEventElapsedTime(float *milliseconds, double *begin, double *end) {
  return cuEventElapsedTime_v2(milliseconds, begin, end);
}

/* Copies to and from the host are made; they take time where kernels do. */

static const double copy_seconds = 10e-6, bytes_a_second = 20e9;

static int copy(void *to, const void *from, size_t bytes, void *stream) {
  memcpy(to, from, bytes);
  if (kernel_seconds() > 0) work(stream, copy_seconds + (double)bytes / bytes_a_second);
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

/* Modules and kernels: loaded, never run. */

int cuModuleLoadData(void **module, const void *image) {
  *module = object();
  return SUCCESS;
}

int cuModuleLoadFatBinary(void **module, const void *image) {
  return cuModuleLoadData(module, image);
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
  *function = object();
  return SUCCESS;
}

/* All constants of all modules lie in one place. */
int cuModuleGetGlobal_v2(Address *found, size_t *bytes, void *module, const char *name) {
  enum { AREA = 256 << 20 };
  static char area[AREA];
  if (found) *found = (Address)area;
  if (bytes) *bytes = AREA;
  return SUCCESS;
}

int cuFuncGetAttribute(int *value, int attribute, void *function) {
  enum { THREADS = 0, REGISTERS = 4 };
  *value = attribute == THREADS ? 1024 : attribute == REGISTERS ? 32 : 0;
  return SUCCESS;
}

int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *kernel, int size, size_t use) {
  *blocks = 8;
  return SUCCESS;
}

int cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, void *kernel, int size,
                                                         size_t use, unsigned flags) {
  *blocks = 8;
  return SUCCESS;
}

int cuLaunchKernel(void *kernel, unsigned x, unsigned y, unsigned z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_memory, void *stream) {
  launch(stream, 1);
  return SUCCESS;
}

typedef struct {
  unsigned grid[3], block[3], shared_memory;
  void *stream;
} Configuration;

int cuLaunchKernelEx(const Configuration *configuration, void *kernel) {
  launch(configuration->stream, 1);
  return SUCCESS;
}

/* Graphs: how many kernels they have. */

int cuGraphCreate(long **graph, unsigned flags) {
  *graph = object();
  return SUCCESS;
}

int cuGraphAddKernelNode_v2(void **node, long *graph) {
  *node = object();
  ++*graph;
  return SUCCESS;
}

int cuGraphAddMemcpyNode(void **node) {
  *node = object();
  return SUCCESS;
}

int cuGraphAddMemsetNode(void **node) { return cuGraphAddMemcpyNode(node); }

int cuGraphAddEmptyNode(void **node) { return cuGraphAddMemcpyNode(node); }

int cuGraphAddChildGraphNode(void **node, long *graph, void *after, size_t many, long *child) {
  *node = object();
  *graph += *child;
  return SUCCESS;
}

int cuGraphInstantiateWithFlags(long **executable, long *graph, unsigned long long flags) {
  *executable = object();
  **executable = *graph;
  return SUCCESS;
}

int cuGraphLaunch(long *executable, void *stream) {
  launch(stream, *executable);
  return SUCCESS;
}

/* Errors */

int cuGetErrorName(int error, const char **name) {
  *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == NO_DEVICE   ? "CUDA_ERROR_NO_DEVICE"
                                 : "CUDA_ERROR_UNKNOWN";
  return SUCCESS;
}

int cuGetErrorString(int error, const char **text) {
  *text = error == OUT_OF_MEMORY ? "out of memory"
          : error == NO_DEVICE   ? "no CUDA-capable device is detected"
                                 : "an error of the stand-in";
  return SUCCESS;
}
