#include "transport_suite.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace plexus::validate {
namespace {

using bench = transport_bench;

constexpr std::size_t large = 4U << 20U;

bytes pattern(std::size_t size) {
    bytes out(size);
    std::uint32_t state = 2463534242U;
    for (auto& byte : out) {
        state ^= state << 13U;
        state ^= state >> 17U;
        state ^= state << 5U;
        byte = static_cast<std::uint8_t>(state);
    }
    return out;
}

/// Writes until there is no room; how much went.
std::size_t fill(flow& talk, bytes_view data) {
    std::size_t sent = 0;
    for (;;) {
        std::size_t given = 0;
        const std::int32_t code =
            talk.write(data.subspan(sent, std::min<std::size_t>(data.size() - sent, 65536)), given);
        if (code == PLEXUS_E_WOULD_BLOCK) return sent;
        bench::expect_equal(code, PLEXUS_OK, "try_write says OK or WOULD_BLOCK while the stream stands");
        sent += given;
        if (sent == data.size())
            throw not_here("it takes more than " + std::to_string(sent) + " bytes at once");
    }
}

void reads_by_the_rules(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer, 1);
    bytes got;
    bench::expect_equal(talk->read(got), PLEXUS_E_WOULD_BLOCK, "there is nothing to read yet");
    talk->watch();
    b.turns(5);
    bench::expect_equal(talk->readable, 0, "readable is not called while there is nothing");
    talk->write_all(as_bytes("abc"));
    b.wait([&] { return talk->readable > 0; }, "readable is called when something came");
    b.turns(5);
    bench::expect_equal(talk->readable, 1, "readable is called once for a WOULD_BLOCK");
    bench::expect(talk->read(got) != PLEXUS_E_WOULD_BLOCK, "after readable try_read says something else");
    while (got.size() < 3) {
        const int before = talk->readable;
        if (talk->read(got) == PLEXUS_E_WOULD_BLOCK)
            b.wait([&] { return talk->readable != before; }, "the rest comes");
    }
    bench::expect(got == to_bytes("abc"), "what was sent comes back");
    // No WOULD_BLOCK since: nobody has asked to be called.
    const int before = talk->readable;
    talk->write_all(as_bytes("def"));
    b.turns(20);
    bench::expect_equal(talk->readable, before, "readable is called for a WOULD_BLOCK alone");
}

void takes_a_late_handler(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer, 2);
    bytes got;
    bench::expect_equal(talk->read(got), PLEXUS_E_WOULD_BLOCK, "there is nothing to read yet");
    std::size_t given = 0;
    bench::expect_equal(talk->write(as_bytes("a"), given), PLEXUS_OK, "a byte finds room");
    b.turns(20);
    bench::expect_equal(talk->readable, 0, "before a handler is set nothing is called");
    talk->watch();
    b.wait([&] { return talk->readable > 0; }, "a handler that is set later is called");
}

void reads_what_fits(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer);
    talk->watch();
    const bytes data = pattern(1000);
    talk->write_all(data);
    bytes got;
    while (got.size() < data.size()) {
        const int before = talk->readable;
        if (talk->read(got, 7) == PLEXUS_E_WOULD_BLOCK)
            b.wait([&] { return talk->readable != before; }, "after WOULD_BLOCK readable is called");
    }
    bench::expect(got == data, "small reads take everything in order");
    bytes none;
    std::uint64_t count = 0;
    std::int32_t code = PLEXUS_OK;
    b.on(0, [&] { code = talk->api().try_read(talk->raw(), plexus_span{none.data(), 0}, &count); });
    bench::expect(code != PLEXUS_OK, "a read of no bytes is never OK, since OK brings some");
    b.on(0, [&] { code = talk->api().try_write(talk->raw(), plexus_view{nullptr, 0}, &count); });
    bench::expect(code != PLEXUS_OK, "nor is a write of none");
    bench::expect_equal(talk->exchange(as_bytes("more"), 4, none), PLEXUS_OK, "and the stream goes on");
}

void waits_for_room(bench& b) {
    const auto peer = b.serve(peer_kind::hold);
    const auto talk = b.dial(*peer, 1);
    talk->watch();
    const bytes data = pattern(64U << 20U);
    const std::size_t sent = fill(*talk, data);
    b.turns(5);
    bench::expect(talk->writable <= 1,
                  "writable is called once for a WOULD_BLOCK"); // a proxy may have made room
    peer->release();
    // The echo sends back what it takes, so it goes on only if somebody reads.
    bytes back;
    while (talk->writable == 0) {
        const int before = talk->readable;
        if (talk->read(back) == PLEXUS_E_WOULD_BLOCK)
            b.wait([&] { return talk->writable > 0 || talk->readable != before; },
                   "writable is called when there is room again");
    }
    const bytes_view rest = bytes_view(data).subspan(sent, 200'000);
    bench::expect_equal(talk->exchange(rest, sent + rest.size(), back), PLEXUS_OK, "then all goes through");
    bench::expect(std::equal(back.begin(), back.end(), data.begin()), "and nothing is lost or doubled");
}

void carries_much(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer, 2);
    talk->watch();
    const bytes data = pattern(large);
    for (const std::size_t piece : {std::size_t{1009}, std::size_t{16384}, std::size_t{300'000}}) {
        bytes back;
        bench::expect_equal(talk->exchange(data, data.size(), back, piece), PLEXUS_OK, "much goes through");
        bench::expect(back == data, "in order and whole");
    }
}

void ends_one_direction(bench& b) {
    if (!b.target().half_closes) throw not_here("on its road both directions end together");
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer);
    talk->watch();
    const bytes data = pattern(200'000);
    bytes back;
    bench::expect_equal(talk->exchange(data, data.size(), back), PLEXUS_OK, "the stream works");
    talk->write_all(as_bytes("the end"));
    talk->shutdown();
    std::size_t given = 0;
    bench::expect_equal(talk->write(as_bytes("more"), given), PLEXUS_E_CLOSED,
                        "after shutdown nothing is taken");
    bench::expect_equal(talk->read_to_end(back), PLEXUS_E_CLOSED, "reading goes on to the other side's end");
    bench::expect(back.size() == data.size() + 7 && to_string(bytes_view(back)).ends_with("the end"),
                  "all that was given before shutdown arrives");
    bytes none;
    bench::expect_equal(talk->read(none), PLEXUS_E_CLOSED, "CLOSED stays");
    talk->shutdown();
    bench::expect(talk->error().empty(), "an orderly end is no error");
}

void hears_the_other_end(bench& b) {
    const auto peer = b.serve(peer_kind::close);
    const auto talk = b.dial(*peer, 1);
    talk->watch();
    bytes back;
    bench::expect_equal(talk->read_to_end(back), PLEXUS_E_CLOSED, "the other side's orderly end is CLOSED");
    bench::expect(back == to_bytes("bye"), "what it sent before comes first");
    bench::expect_equal(talk->read(back), PLEXUS_E_CLOSED, "CLOSED stays");
    if (!b.target().half_closes) return;
    std::size_t given = 0;
    bench::expect_equal(talk->write(as_bytes("still here"), given), PLEXUS_OK, "our direction goes on");
}

void says_why_it_broke(bench& b) {
    const auto peer = b.serve(peer_kind::reset);
    const auto talk = b.dial(*peer, 2);
    talk->watch();
    std::size_t given = 0;
    bench::expect_equal(talk->write(as_bytes("x"), given), PLEXUS_OK, "a byte finds room");
    bytes back;
    const std::int32_t code = talk->read_to_end(back);
    bench::expect_equal(talk->read(back), code, "the same is said by every later call");
    if (code == PLEXUS_E_CLOSED) return; // the road between made an orderly end of it
    bench::expect(!talk->error().empty(), "get_error says why it broke");
    bench::expect(talk->write(as_bytes("x"), given) != PLEXUS_OK, "a broken stream takes nothing");
}

void ends_inside_readable(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer);
    talk->watch();
    bytes none;
    talk->read(none);
    std::atomic<bool> gone{false};
    plexus_stream* const raw = talk->raw();
    b.on(0, [&] {
        talk->on_readable = [&, raw] {
            raw->api->destroy(raw);
            gone = true;
        };
    });
    std::size_t given = 0;
    talk->write(as_bytes("x"), given);
    b.wait([&] { return gone.load(); }, "readable is called");
    talk->forget();
    b.wait([&] { return peer->ended() == 1; }, "the other side hears of the end");
}

void ends_inside_writable(bench& b) {
    const auto peer = b.serve(peer_kind::hold);
    const auto talk = b.dial(*peer);
    talk->watch();
    const bytes data = pattern(64U << 20U);
    fill(*talk, data);
    std::atomic<bool> gone{false};
    plexus_stream* const raw = talk->raw();
    b.on(0, [&] {
        talk->on_writable = [&, raw] {
            raw->api->destroy(raw);
            gone = true;
        };
    });
    peer->release();
    // The echo may stand still until it is read from: then there is no room, and no callback.
    b.wait(
        [&] {
            if (gone) return true;
            b.running().post(0, [&gone, raw] {
                if (gone) return;
                bytes block(65536);
                std::uint64_t taken = 0;
                raw->api->try_read(raw, plexus_span{block.data(), block.size()}, &taken);
            });
            return false;
        },
        "writable is called");
    b.turns(3);
    talk->forget();
    b.wait([&] { return peer->ended() == 1; }, "the other side hears of the end");
}

void ends_at_once(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    for (std::size_t i = 0; i < 10; ++i) {
        const auto talk = b.dial(*peer, static_cast<std::uint32_t>(i) % bench::shards);
        std::size_t given = 0;
        if (i % 2 == 1) talk->write(pattern(5000), given);
        bytes none;
        if (i % 3 == 1) talk->watch();
        if (i % 3 == 1) talk->read(none);
        talk->destroy();
        const int before = talk->readable;
        b.turns(2);
        bench::expect_equal(talk->readable, before, "nothing is called after destroy");
    }
    b.wait([&] { return peer->ended() == 10; }, "the other side hears of every end");
}

void tells_about_itself(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer);
    bench::expect(!talk->info(PLEXUS_STREAM_PEER).empty() && talk->info(PLEXUS_STREAM_PEER) != "none",
                  "a stream names its peer");
    bench::expect_text(talk->info(PLEXUS_STREAM_PEER, 1), "none", "there is one peer");
    bench::expect_text(talk->info(4711), "none", "what is unknown is NOT_FOUND");
    bench::expect(talk->error().empty(), "a stream that stands has no error");
    if (b.over() != line::secure) {
        for (const std::uint32_t what : {PLEXUS_STREAM_CHANNEL_BINDING, PLEXUS_STREAM_PEER_CERTIFICATE})
            bench::expect_text(talk->info(what), "none", "a raw stream knows nothing of TLS");
        return;
    }
    bench::expect_text(talk->info(PLEXUS_STREAM_ALPN), "smp/1", "the protocol was agreed on");
    bench::expect(talk->info(PLEXUS_STREAM_CHANNEL_BINDING).size() >= 16, "there is a channel binding");
    bench::expect(talk->info(PLEXUS_STREAM_PEER_CERTIFICATE) != "none", "the peer shows a certificate");
    bench::expect(talk->info(PLEXUS_STREAM_PEER_CERTIFICATE, 1) != "none", "and what it chains to");
    bench::expect_text(talk->info(PLEXUS_STREAM_PEER_CERTIFICATE, 9), "none", "and no more than there are");
}

void hands_over_its_socket(bench& b) {
    const auto peer = b.serve(peer_kind::echo);
    const auto talk = b.dial(*peer, 1);
    int socket = -1;
    std::int32_t code = PLEXUS_OK;
    b.on(1, [&] { code = talk->api().release_descriptor(talk->raw(), &socket); });
    if (code == PLEXUS_E_UNSUPPORTED) {
        bench::expect_equal(socket, -1, "a failure leaves the output alone");
        talk->watch();
        bytes back;
        bench::expect_equal(talk->exchange(as_bytes("on"), 2, back), PLEXUS_OK,
                            "after UNSUPPORTED the stream goes on");
        return;
    }
    bench::expect_equal(code, PLEXUS_OK, "release_descriptor says OK or UNSUPPORTED");
    bench::expect(b.over() != line::secure, "a stream with a layer of its own hands nothing over");
    bench::expect((::fcntl(socket, F_GETFL) & O_NONBLOCK) != 0, "the socket does not block");
    bench::expect((::fcntl(socket, F_GETFD) & FD_CLOEXEC) != 0, "nor is it inherited by other programs");
    talk->destroy();
    bench::expect_equal(::write(socket, "abc", 3), 3,
                        "it is connected, and stays so when the stream is gone");
    std::array<char, 3> back{};
    pollfd waiting{socket, POLLIN, 0};
    bench::expect_equal(::poll(&waiting, 1, 30'000), 1, "the echo answers on it");
    bench::expect_equal(::recv(socket, back.data(), back.size(), MSG_WAITALL), 3, "with what was sent");
    ::close(socket);
    b.wait([&] { return peer->ended() == 1; }, "it was the only one of its connection");
}

void leaves_no_descriptor(bench& b) {
    const auto count = [] {
        std::ptrdiff_t all = 0;
        for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) ++all;
        return all;
    };
    const auto peer = b.serve(peer_kind::echo);
    const deaf_port deaf;
    const auto round = [&] {
        const std::size_t ended = peer->ended();
        b.dial(*peer)->destroy();
        b.wait([&] { return peer->ended() == ended + 1; }, "the other side hears of the end");
        call& cancelled = b.begin(b.options(deaf.port()));
        b.turns(3);
        b.on(0, [&] {
            if (cancelled.completions == 0) cancelled.operation->cancel(cancelled.operation);
        });
        b.wait_for(cancelled);
        if (cancelled.stream != nullptr) flow(b, std::exchange(cancelled.stream, nullptr), 0).destroy();
        b.connect(b.options(free_port()));
    };
    round();
    const std::ptrdiff_t before = count();
    for (int i = 0; i < 8; ++i) round();
    b.wait([&] { return count() <= before + 2; }, "no descriptor is left behind");
}

constexpr transport_case cases[] = {
    {"stream.readable", "readable comes once after WOULD_BLOCK, when there is something", reads_by_the_rules},
    {"stream.late_handler", "before a handler is set nothing is called, and then what was missed",
     takes_a_late_handler},
    {"stream.small_reads", "reads take what fits, and are never OK without bytes", reads_what_fits},
    {"stream.writable", "without room try_write says WOULD_BLOCK, and writable follows", waits_for_room},
    {"stream.large", "much goes both ways, in order and whole", carries_much},
    {"stream.shutdown", "shutdown ends one direction, behind all that was given", ends_one_direction},
    {"stream.closed", "the other side's end is CLOSED, behind all that it sent", hears_the_other_end},
    {"stream.broken", "a broken stream says so, and why, every time", says_why_it_broke},
    {"stream.destroy_in_readable", "destroy is allowed inside readable", ends_inside_readable},
    {"stream.destroy_in_writable", "destroy is allowed inside writable", ends_inside_writable},
    {"stream.destroy", "destroy closes at once, and nothing is called after it", ends_at_once},
    {"stream.info", "get_info tells what there is, and leaves its output alone otherwise",
     tells_about_itself},
    {"stream.release_descriptor", "a raw stream hands its socket over, or goes on without",
     hands_over_its_socket},
    {"stream.descriptors", "no descriptor is left behind", leaves_no_descriptor},
};

} // namespace

std::span<const transport_case> stream_cases() { return cases; }

} // namespace plexus::validate
