// Sealed values and wrapped keys of a damaged database: refused, and at a bounded cost.
#include "plexus/crypto/at_rest.hpp"

namespace {

class counting_random final : public plexus::crypto::random_source {
  public:
    void fill(plexus::bytes_span out) override {
        for (auto& byte : out) byte = ++last_;
    }

  private:
    std::uint8_t last_ = 0;
};

plexus::crypto::data_key make_key() {
    counting_random random;
    return plexus::crypto::data_key::generate(random);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto key = make_key();
    const plexus::bytes_view input(data, size);
    static_cast<void>(key.open("messages", plexus::as_bytes("key"), input));
    // A whole wrapped key costs an Argon2 run, with the memory that it asks for: cut ones are enough here.
    if (size < 100) static_cast<void>(plexus::crypto::unwrap_data_key(input, plexus::as_bytes("passphrase")));
    return 0;
}
