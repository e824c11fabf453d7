// Ratchet messages, headers and stored states from a hostile peer or a damaged file: whatever is refused
// leaves the ratchet as it was.
#include "plexus/crypto/aead.hpp"
#include "plexus/crypto/ratchet.hpp"
#include "plexus/encoding/padding.hpp"

#include <cstdlib>

namespace {

using namespace plexus;
using namespace plexus::crypto;

class counting_random final : public random_source {
  public:
    void fill(bytes_span out) override {
        for (auto& byte : out) byte = ++last_;
    }

  private:
    std::uint8_t last_ = 0;
};

struct connection {
    ratchet creator;
    ratchet joiner;

    connection() {
        counting_random random;
        const auto invitation = x3dh_keys::generate(random);
        const auto reply = x3dh_keys::generate(random);
        const auto& key1 = invitation.key1.public_part();
        const auto& key2 = invitation.key2.public_part();
        joiner = ratchet::join({}, x3dh_join(reply, key1, key2).value(), key2,
                               private_key::generate(key_type::x448, random))
                     .value();
        creator = ratchet::accept(
            {}, x3dh_accept(invitation, reply.key1.public_part(), reply.key2.public_part()).value(),
            invitation.key2);
        // One skipped key and one step made, so that all kinds of header keys are there.
        const auto skipped = joiner.encrypt({}, 16);
        static_cast<void>(creator.decrypt(joiner.encrypt({}, 16).value(), random));
        static_cast<void>(joiner.decrypt(creator.encrypt({}, 16).value(), random));
    }
};

void deliver(ratchet receiver, bytes_view message) {
    counting_random random;
    const auto before = receiver.serialize();
    if (!receiver.decrypt(message, random) && !(receiver.serialize() == before)) std::abort();
}

/// The plaintext of a header, sealed with the key that the joiner sends with.
void deliver_header(const connection& both, bytes_view header) {
    bytes sealed;
    const std::array<std::uint8_t, 16> iv{};
    if (!encoding::pad(sealed, header, header.size() + 2)) return;
    std::array<std::uint8_t, gcm_tag_size> tag{};
    aes256_gcm().seal(both.joiner.core().sending->header_key, iv, both.joiner.associated_data(), sealed, tag);
    bytes encrypted;
    encoding::writer(encrypted).u16(3).raw(iv).raw(tag);
    if (sealed.size() > 8000) return;
    encoding::writer(encrypted).large_bytes(sealed);
    bytes message;
    encoding::writer(message).large_bytes(encrypted).fill(32, 0);
    deliver(both.creator, message);
}

} // namespace

/// The first byte says what the rest is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const connection both;
    if (size == 0) return 0;
    const bytes_view input(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0: deliver(both.creator, input); break;
    case 1: deliver_header(both, input); break;
    default:
        if (const auto stored = ratchet::deserialize(input)) {
            if (!equal(stored.value().serialize(), input)) std::abort();
            deliver(stored.value(), input);
        }
        break;
    }
    return 0;
}
