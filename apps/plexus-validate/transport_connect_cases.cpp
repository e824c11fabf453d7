#include "transport_suite.hpp"

#include <cstring>

namespace plexus::validate {
namespace {

using bench = transport_bench;

bool is_failure_to_reach(std::int32_t code) {
    return code == PLEXUS_E_REFUSED || code == PLEXUS_E_UNREACHABLE || code == PLEXUS_E_NOT_FOUND ||
           code == PLEXUS_E_IO;
}

/// Destroys what a call brought.
void drop(bench& b, call& made) {
    if (made.stream == nullptr) return;
    flow(b, std::exchange(made.stream, nullptr), static_cast<std::uint32_t>(made.shard)).destroy();
}

void completes(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    for (std::uint32_t shard = 0; shard < bench::shards; ++shard) {
        call& made = b.connect(b.options(peer->port()), shard);
        bench::expect_equal(made.started, PLEXUS_OK, "connect begins");
        bench::expect_equal(made.status, PLEXUS_OK, "a connection to a peer that listens is made");
        bench::expect(made.stream != nullptr, "OK brings a stream");
        bench::expect(!made.explained, "OK brings no error");
        bench::expect(!made.inside, "the completion never comes inside connect");
        bench::expect_equal(made.shard, shard, "the completion comes on the caller's shard");
        flow talk(b, std::exchange(made.stream, nullptr), shard);
        talk.watch();
        bytes back;
        bench::expect_equal(talk.exchange(as_bytes("hello"), 5, back), PLEXUS_OK, "the stream works");
        bench::expect(back == to_bytes("hello"), "what was sent comes back");
        bench::expect_equal(made.completions, 1, "the completion comes once");
    }
}

void borrows_its_options(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    std::string host = b.target().host;
    auto options = b.options(peer->port());
    options.host = to_abi(std::string_view(host));
    bytes hash = to_bytes(from_abi(options.key_hash));
    if (!hash.empty()) options.key_hash = to_abi(bytes_view(hash));
    std::string isolation = "somebody";
    options.isolation = to_abi(std::string_view(isolation));
    call& made = b.begin(options);
    host.assign(host.size(), 'x');
    isolation.assign(isolation.size(), 'x');
    hash.assign(hash.size(), 0xee);
    options = {};
    b.wait_for(made);
    bench::expect_equal(made.outcome(), PLEXUS_OK,
                        "options are borrowed until connect returns, and no longer");
    drop(b, made);
}

void takes_no_operation(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    struct {
        bench& owner;
        std::atomic<int> count{0};
        plexus_stream* stream = nullptr;
    } seen{b};
    const auto done = [](void* context, std::int32_t, const plexus_error*, plexus_stream* stream) {
        auto& mine = *static_cast<decltype(seen)*>(context);
        auto& owner = mine.owner;
        mine.stream = stream;
        ++mine.count;
        owner.wake();
    };
    const auto options = b.options(peer->port());
    std::int32_t started = PLEXUS_OK;
    b.on(0, [&] {
        started = b.transport().connect(b.transport().service.self, &options, done, &seen, nullptr);
    });
    bench::expect_equal(started, PLEXUS_OK, "operation may be NULL");
    b.wait([&] { return seen.count > 0; }, "it completes all the same");
    bench::expect(seen.stream != nullptr, "with a stream");
    flow(b, seen.stream, 0).destroy();
}

void refuses_bad_options(bench& b) {
    const auto refused = [&b](plexus_connect_options options, const char* sentence) {
        call& made = b.connect(options);
        bench::expect_equal(made.outcome(), PLEXUS_E_INVALID, sentence);
        bench::expect(made.stream == nullptr, "a failure brings no stream");
    };
    auto options = b.options(5223);
    options.host = {};
    refused(options, "a connection needs a host");
    options = b.options(0);
    refused(options, "0 is no port");
    options = b.options(65536);
    refused(options, "a port is at most 65535");
    if (b.over() != line::secure) return;
    options = b.options(5223);
    options.key_hash.size = 31;
    refused(options, "a fingerprint has 32 bytes");
}

void says_who_refused(bench& b) {
    const std::uint32_t port = free_port();
    call& made = b.connect(b.options(port));
    bench::expect(is_failure_to_reach(made.outcome()), "where nobody listens no connection is made: REFUSED, "
                                                       "UNREACHABLE, NOT_FOUND or IO");
    bench::expect(made.stream == nullptr, "a failure brings no stream");
    if (made.started != PLEXUS_OK) return; // a refusal of the call itself brings no sentence
    bench::expect(made.explained && !made.message.empty(), "with a sentence");
    bench::expect(made.message.find(std::to_string(port)) != std::string::npos,
                  "that names where it was to go");
    bench::expect_equal(made.completions, 1, "once");
}

void gives_up_in_time(bench& b) {
    const deaf_port deaf;
    auto options = b.options(deaf.port());
    options.timeout_ns = 400'000'000;
    call& made = b.connect(options);
    if (made.outcome() == PLEXUS_OK) {
        drop(b, made);
        throw not_here("this system connects to a listener whose queue is full");
    }
    bench::expect(made.outcome() == PLEXUS_E_TIMEOUT || is_failure_to_reach(made.outcome()),
                  "where nothing answers the deadline ends it with TIMEOUT");
    bench::expect(made.explained && !made.message.empty(), "with a sentence");
}

void gives_up_a_handshake(bench& b) {
    // Nobody reads what is sent: bytes are taken, but no answer comes.
    const auto silent = make_socket_peer(peer_kind::hold, {});
    auto options = b.options(silent->port());
    options.timeout_ns = 400'000'000;
    if (b.over() != line::secure) throw not_here("a raw connection stands without an answer");
    if (!b.target().sockets) throw not_here("it has a network of its own");
    call& made = b.connect(options);
    bench::expect_equal(made.outcome(), PLEXUS_E_TIMEOUT, "the deadline is over the handshake as well");
    bench::expect(made.explained && !made.message.empty(), "with a sentence");
}

void is_cancelled_at_any_step(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto options = b.options(peer->port());
    for (int turns = 0; turns < 24; ++turns) {
        const auto shard = static_cast<std::uint32_t>(turns) % bench::shards;
        call& made = b.begin(options, shard);
        bench::expect_equal(made.started, PLEXUS_OK, "connect begins");
        for (int i = 0; i < turns; ++i) b.on(shard, [] {});
        b.on(shard, [&made] {
            if (made.completions > 0) return; // the operation is gone
            bench::expect(made.operation != nullptr, "connect gives an operation");
            made.calling = true;
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): expect throws if it is null
            made.operation->cancel(made.operation);
            made.calling = false;
        });
        b.wait_for(made);
        bench::expect(made.status == PLEXUS_OK || made.status == PLEXUS_E_CANCELLED,
                      "cancel ends it with the result or with CANCELLED");
        bench::expect(!made.inside, "the completion never comes inside cancel");
        bench::expect((made.stream != nullptr) == (made.status == PLEXUS_OK), "a stream comes with OK alone");
        b.turns(2);
        bench::expect_equal(made.completions, 1, "the completion comes once");
        drop(b, made);
    }
}

void is_cancelled_twice(bench& b) {
    const deaf_port deaf;
    call& made = b.begin(b.options(deaf.port()));
    b.on(0, [&made] {
        made.calling = true;
        for (int i = 0; i < 2 && made.completions == 0; ++i) made.operation->cancel(made.operation);
        made.calling = false;
    });
    b.wait_for(made);
    bench::expect(!made.inside, "the completion never comes inside cancel");
    b.turns(2);
    bench::expect_equal(made.completions, 1, "cancelling twice completes once");
    drop(b, made);
}

void reads_older_options(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    auto options = b.options(peer->port());
    // A caller of before `isolation` was there: what lies behind its struct is no business of anybody's.
    options.size = offsetof(plexus_connect_options, isolation);
    const auto* nowhere = reinterpret_cast<const std::uint8_t*>(1);
    options.isolation = options.server_name = options.client_chain =
        options.client_key = {nowhere, 1U << 20U};
    call& made = b.connect(options);
    bench::expect_equal(made.outcome(), PLEXUS_OK,
                        "a field beyond the size that the caller gave reads as zero");
    drop(b, made);
}

void keeps_to_public_addresses(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    for (const char* host : {"127.0.0.1", "10.1.2.3", "::1", "169.254.1.1"}) {
        auto options = b.options(peer->port());
        options.flags |= PLEXUS_CONNECT_PUBLIC;
        options.host = to_abi(std::string_view(host));
        call& made = b.connect(options);
        bench::expect_equal(made.outcome(), PLEXUS_E_DENIED,
                            "PLEXUS_CONNECT_PUBLIC denies a private address");
        bench::expect(made.stream == nullptr, "a failure brings no stream");
    }
    bench::expect_equal(static_cast<std::int64_t>(peer->ended()), 0, "nobody was connected to");
}

void refuses_layers_it_lacks(bench& b) {
    if (!b.is_carrier()) throw not_here("it is no carrier");
    const auto peer = b.serve(peer_kind::echo);
    auto options = b.options(peer->port());
    options.flags |= PLEXUS_CONNECT_SECURE;
    const bytes hash(32, 1);
    options.key_hash = to_abi(bytes_view(hash));
    call& made = b.connect(options);
    bench::expect_equal(made.outcome(), PLEXUS_E_UNSUPPORTED, "a carrier makes raw streams, and says so");
}

void pins_the_identity(bench& b) {
    if (b.over() != line::secure) throw not_here("a raw stream has no identity");
    const auto peer = b.serve(peer_kind::echo);
    auto options = b.options(peer->port());
    bytes hash = b.chain().fingerprint;
    hash[31] ^= 1U;
    options.key_hash = to_abi(bytes_view(hash));
    call& made = b.connect(options);
    bench::expect_equal(made.outcome(), PLEXUS_E_IDENTITY, "another fingerprint fails with IDENTITY");
    bench::expect(made.stream == nullptr, "a failure brings no stream");
    bench::expect(made.explained && !made.message.empty(), "with a sentence");
}

void makes_many(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto options = b.options(peer->port());
    std::vector<call*> all;
    for (std::uint32_t i = 0; i < 60; ++i) all.push_back(&b.begin(options, i % bench::shards));
    for (call* one : all) b.wait_for(*one);
    for (call* one : all) bench::expect_equal(one->outcome(), PLEXUS_OK, "many connections are made at once");
    std::vector<std::unique_ptr<flow>> flows;
    flows.reserve(all.size());
    for (call* one : all)
        flows.push_back(std::make_unique<flow>(b, std::exchange(one->stream, nullptr),
                                               static_cast<std::uint32_t>(one->shard)));
    for (std::size_t i = 0; i < flows.size(); ++i) {
        const std::string text = "number " + std::to_string(i);
        flows[i]->watch();
        bytes back;
        flows[i]->exchange(as_bytes(text), text.size(), back);
        bench::expect(to_string(bytes_view(back)) == text, "each is its own");
    }
}

void drains_when_it_stops(bench& b) {
    auto peer = b.serve(peer_kind::echo);
    const deaf_port deaf;
    auto talk = b.dial(*peer, 1);
    std::vector<call*> all;
    for (std::uint32_t i = 0; i < 6; ++i) {
        const auto shard = i % bench::shards;
        call& made = b.begin(b.options(i % 2 == 0 ? deaf.port() : peer->port()), shard);
        all.push_back(&made);
        // What is made while it stops is its owner's to destroy; here the owner does so at once.
        b.on(shard, [&made] { made.discards = true; });
        if (made.completions > 0) drop(b, made);
    }
    talk->destroy();
    if (b.over() != line::raw) peer.reset(); // a listener is its owner's to close
    const auto stopped = b.running().stop();
    bench::expect(stopped.has_value(), "stop ends in order with connections under way");
    for (call* one : all) bench::expect_equal(one->completions, 1, "by its end every connect has completed");
}

constexpr transport_case cases[] = {
    {"connect.completes", "connect completes once, on the caller's shard, with a stream that works",
     completes},
    {"connect.borrows", "what it is given is lent until connect returns", borrows_its_options},
    {"connect.no_operation", "operation may be NULL", takes_no_operation},
    {"connect.invalid", "a missing host, a port that is none and a short fingerprint are INVALID",
     refuses_bad_options},
    {"connect.refused", "where nobody listens it fails with a sentence", says_who_refused},
    {"connect.timeout", "where nothing answers it fails within the deadline", gives_up_in_time},
    {"connect.handshake_timeout", "a handshake that does not end fails within the deadline",
     gives_up_a_handshake},
    {"connect.cancel", "cancel works at every step, and never completes inside", is_cancelled_at_any_step},
    {"connect.cancel_twice", "cancelling again is harmless", is_cancelled_twice},
    {"connect.older_options", "a smaller struct of options is read as far as it goes", reads_older_options},
    {"connect.public", "PLEXUS_CONNECT_PUBLIC denies private addresses", keeps_to_public_addresses},
    {"connect.carrier_is_raw", "a carrier refuses PLEXUS_CONNECT_SECURE", refuses_layers_it_lacks},
    {"connect.identity", "a server with another fingerprint is refused", pins_the_identity},
    {"connect.many", "connections do not mix", makes_many},
    {"stop.drains", "stop ends what is under way, with its completions", drains_when_it_stops},
};

} // namespace

std::span<const transport_case> connect_cases() { return cases; }

} // namespace plexus::validate
