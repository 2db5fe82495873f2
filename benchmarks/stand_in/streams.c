/* libcuda: time, streams, events, kernels and graphs of them. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "driver.h"
#include "machine.h"

static void *object(void) { return calloc(1, sizeof(double)); }

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

/* Begins when the stream is done with what it has. */
double occupy(void *stream, double seconds) {
  double *busy = stream_of(stream), begin = now();
  if (*busy > begin) begin = *busy;
  *busy = begin + seconds;
  return begin;
}

static double covered, covered_to;
static pthread_mutex_t covered_lock = PTHREAD_MUTEX_INITIALIZER;

void launch(void *stream, long kernels) {
  double seconds = (double)kernels * kernel_seconds();
  double begin = occupy(stream, seconds), end = begin + seconds;
  pthread_mutex_lock(&covered_lock);
  if (end > covered_to) {
    covered += end - (begin > covered_to ? begin : covered_to);
    covered_to = end;
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
  *event = occupy(stream, 0);
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

/* All constants of all modules lie in one place, aligned as XLA asks for. */
int cuModuleGetGlobal_v2(Address *found, size_t *bytes, void *module, const char *name) {
  enum { AREA = 256 << 20 };
  static _Alignas(4096) char area[AREA];
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
