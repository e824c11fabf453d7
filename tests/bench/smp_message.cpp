// What one message costs the server: SEND, MSG, ACK of full-size messages through plexusd on loopback, in CPU
// time of its process; and beside it, from the same run, the cryptography that the protocol asks for and a
// bare TLS echo of the same five blocks.
#include "process.hpp"
#include "smp_peer.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace {

using namespace plexus;

double thread_cpu() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double wall() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct served {
    double cpu_us = 0;
    double median_ms = 0;
};

/// Microseconds of the server's CPU a message, and the median from SEND to MSG.
served measure_server(bench::server_process& server, int count, crypto::key_type authorization) {
    bench::system_random random;
    const auto address = smp::parse_server_address(server.address()).value();
    bench::smp_peer recipient(address, random);
    bench::smp_peer sender(address, random);
    auto queue = bench::make_queue(recipient, sender, random, authorization);
    const bytes body(sender.session().max_body(), 'm');
    std::vector<double> took;
    auto one = [&] {
        const double begin = wall();
        sender.send(smp::cmd::send{{}, body}, queue.sender_id, &queue.sender_key);
        bytes message_id;
        recipient.receive([&](const smp::client_event& event) {
            const auto* message = std::get_if<smp::msg::message>(&event.content);
            if (message == nullptr) return false;
            message_id = to_bytes(message->message_id);
            return true;
        });
        took.push_back(wall() - begin);
        sender.receive([](const smp::client_event& event) {
            if (!std::holds_alternative<smp::msg::ok>(event.content))
                throw std::runtime_error("SEND was refused");
            return true;
        });
        recipient.expect_ok(smp::cmd::ack{message_id}, queue.recipient_id, &queue.recipient_key);
    };
    for (int i = 0; i < count / 10; ++i) one(); // warm
    took.clear();
    const double before = bench::cpu_seconds(server.pid());
    for (int i = 0; i < count; ++i) one();
    served out;
    out.cpu_us = (bench::cpu_seconds(server.pid()) - before) / count * 1e6;
    std::nth_element(took.begin(), took.begin() + count / 2, took.end());
    out.median_ms = took[static_cast<std::size_t>(count / 2)] * 1e3;
    return out;
}

/// The same five blocks over two TLS connections, without a protocol: what the server's side costs.
double measure_echo(const std::string& folder, int count) {
    const auto [listening, port] = bench::listen_on_loopback();
    const pid_t child = fork();
    if (child == 0) {
        auto sender = bench::tls_peer::connect(port);
        auto recipient = bench::tls_peer::connect(port);
        smp::block_buffer block{};
        for (int i = 0; i < count; ++i) {
            sender.write(block);    // SEND
            sender.read(block);     // OK
            recipient.read(block);  // MSG
            recipient.write(block); // ACK
            recipient.read(block);  // OK
        }
        _exit(0);
    }
    auto sender = bench::tls_peer::accept(listening, folder + "/server.crt", folder + "/server.key");
    auto recipient = bench::tls_peer::accept(listening, folder + "/server.crt", folder + "/server.key");
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
    const double used = thread_cpu() - before;
    waitpid(child, nullptr, 0);
    return used / count * 1e6;
}

/// Two authorizations, five block boxes with their keys, one body box.
double measure_crypto(int count, crypto::key_type authorization) {
    bench::system_random random;
    const auto key = crypto::private_key::generate(authorization, random);
    const auto server_key = crypto::private_key::generate(crypto::key_type::x25519, random);
    const bytes large = to_bytes(random.array<16'100>());
    const bytes small = to_bytes(random.array<120>());
    const bool signs = crypto::can_sign(authorization);
    const auto nonce = crypto::random_nonce(random);
    const crypto::box_key shared =
        signs ? crypto::box_key() : *crypto::box_key::agree(server_key, key.public_part());
    const bytes proof_large =
        signs ? to_bytes(crypto::sign(key, large)) : to_bytes(crypto::authenticate(shared, nonce, large));
    const bytes proof_small =
        signs ? to_bytes(crypto::sign(key, small)) : to_bytes(crypto::authenticate(shared, nonce, small));
    crypto::sb_chain chain(random.secret<32>());
    const crypto::box_key body_key{random.secret<32>()};
    smp::block_buffer block{};
    bool good = true;
    auto check = [&](const bytes& text, const bytes& proof) {
        return signs ? crypto::verify(key.public_part(), text, proof)
                     : crypto::verify_authenticator(shared, nonce, proof, text);
    };
    const double before = thread_cpu();
    for (int i = 0; i < count; ++i) {
        for (int blocks = 0; blocks < 5; ++blocks) {
            const auto link = chain.next();
            crypto::seal_in_place(crypto::box_key(link.key), link.n, block);
        }
        crypto::seal_in_place(body_key, nonce, bytes_span(block).first(smp::encrypted_body_size));
        good = check(large, proof_large) && check(small, proof_small) && good;
    }
    const double used = thread_cpu() - before;
    if (!good) throw std::runtime_error("a signature of the benchmark's own does not verify");
    return used / count * 1e6;
}

void report(const char* name, bench::server_process& server, int count, crypto::key_type authorization) {
    const double crypto_us = measure_crypto(count, authorization);
    const double echo_us = measure_echo(server.folder(), count);
    const served now = measure_server(server, count, authorization);
    std::printf(
        "%-8s server CPU %6.1f us a message; crypto %6.1f + bare TLS echo %6.1f = %6.1f us; ratio %.2f; "
        "SEND to MSG median %.2f ms\n",
        name, now.cpu_us, crypto_us, echo_us, crypto_us + echo_us, now.cpu_us / (crypto_us + echo_us),
        now.median_ms);
}

} // namespace

int main(int argc, char** argv) {
    try {
        const int count = argc > 1 ? std::atoi(argv[1]) : 5000;
        if (count < 100) throw std::runtime_error("usage: smp_message [MESSAGES, from 100] [PLEXUSD]");
        bench::server_process server(argc > 2 ? argv[2] : PLEXUSD_PATH);
        std::printf("%s; %d messages of full size, one at a time, SMP v%d with encrypted blocks\n",
                    bench::machine().c_str(), count, smp::supported_versions.max);
        std::printf("start to first accepted connection %.0f ms; resident %.1f MB\n",
                    server.start_seconds() * 1e3,
                    static_cast<double>(bench::resident_bytes(server.pid())) / 1e6);
        report("Ed25519", server, count, crypto::key_type::ed25519);
        report("X25519", server, count, crypto::key_type::x25519);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "smp_message: %s\n", e.what());
        return 1;
    }
}
