// Padded blocks of both forms: a content is inside its block, and padding it again gives the same content.
#include "plexus/encoding/padding.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    const bytes_view input(data, size);
    if (const auto content = encoding::unpad(input)) {
        bytes again;
        // A length of 65,534 or 65,535 can be read and is never written.
        const bool padded = encoding::pad(again, *content, size);
        if (padded != (content->size() <= encoding::max_padded_content)) std::abort();
        if (padded && !equal(*encoding::unpad(again), *content)) std::abort();
    }
    if (const auto content = encoding::unpad_lazy(input)) {
        bytes again;
        if (!encoding::pad_lazy(again, *content, size) || !equal(*encoding::unpad_lazy(again), *content))
            std::abort();
    }
    return 0;
}
