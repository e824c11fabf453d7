// Both sessions against a peer that sends any block: the first byte says which side, the rest is a block's
// content.
#include "plexus/smp/client.hpp"
#include "plexus/smp/server.hpp"

namespace {

class fixed_random : public plexus::crypto::random_source {
  public:
    void fill(plexus::bytes_span out) override {
        for (auto& byte : out) byte = ++next_;
    }

  private:
    std::uint8_t next_ = 0;
};

void fill(plexus::smp::block_buffer& block, plexus::bytes_view content) {
    plexus::smp::block_cipher().seal(block,
                                     content.first(std::min(content.size(), plexus::smp::max_block_content)));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    if (size < 2) return 0;
    fixed_random random;
    const bytes_view input(data + 2, size - 2);
    static smp::block_buffer block;
    if (data[0] % 2 == 0) {
        smp::server_identity identity;
        identity.key = crypto::private_key::generate(crypto::key_type::ed25519, random);
        smp::server_session session(identity, bytes(32, 1), true, random);
        bytes hello{0, static_cast<std::uint8_t>(6 + data[1] % 15), 32};
        hello.insert(hello.end(), 32, 0);
        hello.insert(hello.end(), {'F', '0'});
        fill(block, hello);
        if (!session.receive(block)) return 0;
        fill(block, input);
        if (!session.receive(block)) return 0;
        smp::server_request request;
        while (session.next(request))
            if (!request.refused)
                smp::verify_nothing(*session.session_key(), request.correlation_id, request.authorized,
                                    request.authorization());
    } else {
        smp::client_parameters parameters;
        parameters.session_id = bytes(32, 1);
        smp::client_session session(parameters, random);
        bytes hello{0, 6, 0, 6, 32};
        hello.insert(hello.end(), 32, 1);
        fill(block, data[1] % 4 == 0 ? input : bytes_view(hello));
        if (!session.receive(block)) return 0;
        fill(block, input);
        if (!session.receive(block)) return 0;
        while (session.next()) {
        }
    }
    return 0;
}
