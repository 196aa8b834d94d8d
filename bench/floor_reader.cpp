// Reads buffers as fast as the machine can: what a sampler that computed nothing but touched every weight would cost.
// Compiled by floor.py at run time. Threads persist, wait spinning for a while, then sleep; each reads its own stretch of every buffer.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>
#include <sys/mman.h>

namespace {

typedef uint64_t Lane __attribute__((vector_size(64)));  // the compiler takes the widest registers that there are

constexpr size_t kLine = 64;
constexpr int kSpins = 20000;  // about a millisecond

inline Lane load(const char* from) {
    Lane value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

uint64_t fold(Lane value) {
    uint64_t sum = 0;
    for (int lane = 0; lane < 8; ++lane) sum += value[lane];
    return sum;
}

// One accumulator: the plain loop.
uint64_t read_plain(const char* at, size_t bytes) {
    Lane sum = {};
    for (size_t offset = 0; offset < bytes; offset += kLine) sum += load(at + offset);
    return fold(sum);
}

// Eight accumulators, so that many loads are under way.
uint64_t read_unrolled(const char* at, size_t bytes) {
    Lane sums[8] = {};
    size_t offset = 0;
    for (; offset + 8 * kLine <= bytes; offset += 8 * kLine)
        for (int part = 0; part < 8; ++part) sums[part] += load(at + offset + part * kLine);
    uint64_t rest = read_plain(at + offset, bytes - offset);
    for (const Lane& sum : sums) rest += fold(sum);
    return rest;
}

// As above, and the lines 4 KiB ahead are asked for early.
uint64_t read_ahead(const char* at, size_t bytes) {
    Lane sums[8] = {};
    size_t offset = 0;
    for (; offset + 8 * kLine <= bytes; offset += 8 * kLine)
        for (int part = 0; part < 8; ++part) {
            __builtin_prefetch(at + offset + part * kLine + 4096, 0, 3);
            sums[part] += load(at + offset + part * kLine);
        }
    uint64_t rest = read_plain(at + offset, bytes - offset);
    for (const Lane& sum : sums) rest += fold(sum);
    return rest;
}

// Four streams through one stretch, as a kernel that works on four rows at once would read.
uint64_t read_streams(const char* at, size_t bytes) {
    Lane sums[8] = {};
    const size_t quarter = bytes / 4 / (2 * kLine) * (2 * kLine);
    for (size_t offset = 0; offset < quarter; offset += 2 * kLine)
        for (int part = 0; part < 8; ++part)
            sums[part] += load(at + (part / 2) * quarter + offset + (part % 2) * kLine);
    uint64_t rest = read_plain(at + 4 * quarter, bytes - 4 * quarter);
    for (const Lane& sum : sums) rest += fold(sum);
    return rest;
}

typedef uint64_t (*Read)(const char*, size_t);
const Read kReaders[] = {read_plain, read_unrolled, read_ahead, read_streams};

struct Floor {
    std::vector<char*> buffers;
    std::vector<size_t> sizes;
    std::vector<int> order;
    std::vector<uint64_t> sums;
    std::atomic<uint64_t> round{0};
    std::atomic<int> finished{0};
    int reader = 0;
    int threads = 1;
};

void read_share(Floor* floor, int thread) {
    uint64_t sum = 0;
    const Read read = kReaders[floor->reader];
    for (int index : floor->order) {
        const size_t lines = floor->sizes[index] / kLine;
        const size_t first = lines * thread / floor->threads, last = lines * (thread + 1) / floor->threads;
        sum += read(floor->buffers[index] + first * kLine, (last - first) * kLine);
    }
    floor->sums[thread] = sum;
}

void help(Floor* floor, int thread) {
    uint64_t seen = 0;
    for (;;) {
        for (int spins = 0; spins < kSpins && floor->round.load(std::memory_order_acquire) == seen; ++spins)
            pause();
        floor->round.wait(seen, std::memory_order_acquire);
        seen = floor->round.load();
        read_share(floor, thread);
        floor->finished.fetch_add(1, std::memory_order_release);
    }
}

}  // namespace

extern "C" {

int floor_readers() { return sizeof kReaders / sizeof kReaders[0]; }

// sizes: bytes of each buffer (rounded up to a line here); order: which buffer is read when.
Floor* floor_open(const uint64_t* sizes, int count, const int32_t* order, int length, int threads, int huge) {
    Floor* floor = new Floor;
    const size_t page = size_t(2) << 20;
    for (int index = 0; index < count; ++index) {
        const size_t bytes = (sizes[index] + kLine - 1) / kLine * kLine;
        const size_t mapped = (bytes + page - 1) / page * page;
        char* start = static_cast<char*>(
            mmap(nullptr, mapped + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (start == MAP_FAILED) return nullptr;
        char* aligned = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(start) + page - 1) / page * page);
        madvise(aligned, mapped, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        std::memset(aligned, 1 + index % 7, bytes);
        floor->buffers.push_back(aligned);
        floor->sizes.push_back(bytes);
    }
    floor->order.assign(order, order + length);
    floor->threads = threads;
    floor->sums.assign(threads, 0);
    for (int thread = 1; thread < threads; ++thread) std::thread(help, floor, thread).detach();
    return floor;
}

uint64_t floor_read(Floor* floor, int reader) {
    floor->reader = reader;
    floor->finished.store(0);
    floor->round.fetch_add(1, std::memory_order_release);
    floor->round.notify_all();
    read_share(floor, 0);
    while (floor->finished.load(std::memory_order_acquire) < floor->threads - 1) {
    }
    uint64_t sum = 0;
    for (uint64_t part : floor->sums) sum += part;
    return sum;
}
}
