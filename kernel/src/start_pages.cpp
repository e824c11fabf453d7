#include "start_pages.hpp"

#include <fstream>
#include <string>

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace plexus::kernel {
namespace {

bool is_traced() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("TracerPid:", 0) == 0) return line.find_first_of("123456789") != std::string::npos;
    return false;
}

/// A segment that is mapped from its file and cannot have been written to: relocated constants stand in
/// writable ones.
bool is_clean(const ElfW(Phdr) & segment) {
    return segment.p_type == PT_LOAD && (segment.p_flags & PF_W) == 0;
}

int release(dl_phdr_info* object, std::size_t, void*) {
    bool relocated_text = false;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_DYNAMIC) continue;
        for (const auto* one = reinterpret_cast<const ElfW(Dyn)*>(object->dlpi_addr + segment.p_vaddr);
             one->d_tag != DT_NULL; ++one)
            if (one->d_tag == DT_TEXTREL) relocated_text = true;
    }
    if (relocated_text) return 0;
    const auto page = static_cast<ElfW(Addr)>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (!is_clean(segment)) continue;
        const ElfW(Addr) begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
        const ElfW(Addr) end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
    }
    return 0;
}

} // namespace

void release_start_pages() {
    if (!is_traced()) dl_iterate_phdr(release, nullptr);
}

} // namespace plexus::kernel
