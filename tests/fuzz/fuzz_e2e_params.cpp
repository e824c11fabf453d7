// Ratchet parameters in their binary and query forms: what is read is written back as it was.
#include "plexus/crypto/x3dh.hpp"

#include <cstdlib>

namespace {

template <typename Params>
void write_back(plexus::bytes_view input, const plexus::encoding::reader& in, const Params& params) {
    if (!in.ok()) return;
    plexus::bytes again;
    plexus::encoding::writer out(again);
    write(out, params);
    if (!plexus::equal(again, input.first(input.size() - in.remaining().size()))) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    const bytes_view input(data, size);
    encoding::reader single(input);
    const auto params = crypto::read_e2e_params(single);
    write_back(input, single, params);
    encoding::reader range(input);
    const auto params_range = crypto::read_e2e_params_range(range);
    write_back(input, range, params_range);
    if (const auto parsed = crypto::parse_e2e_params(as_text(input))) {
        if (crypto::parse_e2e_params(crypto::to_text(parsed.value())).value() != parsed.value()) std::abort();
    }
    return 0;
}
