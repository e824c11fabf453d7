#include "baseline.hpp"

#include "process_stats.hpp"
#include "system_random.hpp"

#include "plexus/crypto/box.hpp"
#include "plexus/smp/message_body.hpp"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace plexus::bench {
namespace {

/// Runs `client` in a process of its own while this one is the server; throws if it failed.
class client_process {
  public:
    template <typename Client>
    explicit client_process(Client client) : pid_(fork()) {
        if (pid_ != 0) return;
        int code = 0;
        try {
            client();
        } catch (const std::exception&) {
            code = 1;
        }
        _exit(code);
    }
    client_process(const client_process&) = delete;
    client_process& operator=(const client_process&) = delete;
    ~client_process() {
        if (pid_ > 0) waitpid(pid_, nullptr, 0);
    }

  private:
    pid_t pid_;
};

/// Signs or authenticates, and checks, with one key.
class authorizer {
  public:
    explicit authorizer(crypto::key_type type)
        : key_(crypto::private_key::generate(type, random_)), nonce_(crypto::random_nonce(random_)) {
        if (crypto::can_sign(type)) return;
        const auto server = crypto::private_key::generate(crypto::key_type::x25519, random_);
        shared_ = crypto::box_key::agree(server, key_.public_part()).value();
    }
    bytes proof(bytes_view text) const {
        if (crypto::can_sign(key_.type())) return to_bytes(crypto::sign(key_, text));
        const auto made = crypto::authenticate(shared_, nonce_, text);
        return to_bytes(bytes_view(made));
    }
    bool check(bytes_view text, bytes_view proof) const {
        return crypto::can_sign(key_.type()) ? crypto::verify(key_.public_part(), text, proof)
                                             : crypto::verify_authenticator(shared_, nonce_, proof, text);
    }

  private:
    system_random random_;
    crypto::private_key key_;
    crypto::nonce nonce_;
    crypto::box_key shared_;
};

bytes random_text(std::size_t size) {
    system_random random;
    bytes out(size);
    random.fill(out);
    return out;
}

void require(bool good) {
    if (!good) throw std::runtime_error("an authorization of the benchmark's own does not verify");
}

/// Bytes that are authorized besides the body: session, correlation and entity ids, the word of the command.
constexpr std::size_t authorized_extra = 33 + 25 + 25;

} // namespace

double message_crypto_us(int count, std::size_t body_size, crypto::key_type authorization) {
    system_random random;
    const authorizer key(authorization);
    const bytes send = random_text(authorized_extra + 7 + body_size);
    const bytes ack = random_text(authorized_extra + 4 + 25);
    const bytes send_proof = key.proof(send);
    const bytes ack_proof = key.proof(ack);
    crypto::sb_chain chain(random.secret<32>());
    const crypto::box_key body_key{random.secret<32>()};
    const auto nonce = crypto::random_nonce(random);
    smp::block_buffer block{};
    bool good = true;
    const double before = thread_cpu();
    for (int i = 0; i < count; ++i) {
        for (int blocks = 0; blocks < 5; ++blocks) {
            const auto link = chain.next();
            crypto::seal_in_place(crypto::box_key(link.key), link.n, block);
        }
        crypto::seal_in_place(body_key, nonce, bytes_span(block).first(smp::encrypted_body_size));
        good = key.check(send, send_proof) && key.check(ack, ack_proof) && good;
    }
    const double used = thread_cpu() - before;
    require(good);
    return used / count * 1e6;
}

double authorization_check_us(int count, crypto::key_type authorization) {
    const authorizer key(authorization);
    const bytes sub = random_text(authorized_extra + 3);
    const bytes proof = key.proof(sub);
    bool good = true;
    const double before = thread_cpu();
    for (int i = 0; i < count; ++i) good = key.check(sub, proof) && good;
    const double used = thread_cpu() - before;
    require(good);
    return used / count * 1e6;
}

double message_echo_us(int count) {
    const auto [listening, port] = listen_on_loopback();
    const client_process child([port = port, count] {
        const auto context = make_tls_context(false, key_group::x25519);
        auto sender = tls_peer::connect(port, context.get());
        auto recipient = tls_peer::connect(port, context.get());
        smp::block_buffer block{};
        for (int i = 0; i < count; ++i) {
            sender.write(block);    // SEND
            sender.read(block);     // OK
            recipient.read(block);  // MSG
            recipient.write(block); // ACK
            recipient.read(block);  // OK
        }
    });
    const auto context = make_tls_context(true, key_group::x25519);
    use_new_chain(context.get(), crypto::key_type::ed25519, 2);
    auto sender = tls_peer::accept(listening, context.get());
    auto recipient = tls_peer::accept(listening, context.get());
    close(listening);
    smp::block_buffer block{};
    const double before = thread_cpu();
    for (int i = 0; i < count; ++i) {
        sender.read(block);
        sender.write(block);
        recipient.write(block);
        recipient.read(block);
        recipient.write(block);
    }
    return (thread_cpu() - before) / count * 1e6;
}

double handshake_us(int count, key_group group, crypto::key_type certificates, int chain_length) {
    const auto [listening, port] = listen_on_loopback();
    const client_process child([port = port, count, group] {
        const auto context = make_tls_context(false, group);
        std::uint8_t byte = 0;
        for (int i = 0; i < count; ++i) {
            auto peer = tls_peer::connect(port, context.get());
            peer.read({&byte, 1});
        }
    });
    const auto context = make_tls_context(true, key_group::x448);
    use_new_chain(context.get(), certificates, chain_length);
    const std::uint8_t byte = 0;
    double used = 0;
    for (int i = 0; i < count; ++i) {
        const double before = thread_cpu();
        auto peer = tls_peer::accept(listening, context.get());
        peer.write({&byte, 1});
        used += thread_cpu() - before;
    }
    close(listening);
    return used / count * 1e6;
}

double left_handshake_us(int count, key_group group, crypto::key_type certificates, int chain_length) {
    const auto [listening, port] = listen_on_loopback();
    const client_process child([port = port, count, group] {
        const auto context = make_tls_context(false, group);
        for (int i = 0; i < count; ++i) tls_peer::connect_and_leave(port, context.get());
    });
    const auto context = make_tls_context(true, key_group::x448);
    use_new_chain(context.get(), certificates, chain_length);
    const double before = thread_cpu();
    for (int i = 0; i < count; ++i) tls_peer::accept_and_lose(listening, context.get());
    const double used = thread_cpu() - before;
    close(listening);
    return used / count * 1e6;
}

double hello_crypto_us(int count, crypto::key_type certificates) {
    system_random random;
    const auto leaf = crypto::private_key::generate(certificates, random);
    const auto client = crypto::private_key::generate(crypto::key_type::x25519, random).public_part();
    bool good = true;
    const double before = thread_cpu();
    for (int i = 0; i < count; ++i) {
        const auto key = crypto::private_key::generate(crypto::key_type::x25519, random);
        static_cast<void>(crypto::sign(leaf, key.public_part().spki()));
        good = crypto::dh_x25519(key, client).has_value() && good;
    }
    const double used = thread_cpu() - before;
    require(good);
    return used / count * 1e6;
}

} // namespace plexus::bench
