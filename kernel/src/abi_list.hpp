// Reading what plugins hand over as C: lists that end with NULL, and the ids of the kernel's own services.
#pragma once

#include <string_view>
#include <vector>

#include "plexus/abi/base.h"

namespace plexus::kernel {

inline std::vector<const char*> abi_list(const char* const* list) {
    std::vector<const char*> out;
    if (list == nullptr) return out;
    for (; *list != nullptr; ++list) out.push_back(*list);
    return out;
}

inline bool abi_contains(const char* const* list, std::string_view word) {
    if (list == nullptr) return false;
    for (; *list != nullptr; ++list)
        if (word == *list) return true;
    return false;
}

inline std::string_view text_of(const plexus_view& view) {
    return {reinterpret_cast<const char*>(view.data), static_cast<std::size_t>(view.size)};
}

inline plexus_view view_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// One that every instance gets from the kernel (plexus/abi/host.h).
bool is_host_service(std::string_view id);

} // namespace plexus::kernel
