// Proxies that lie, stall, close and answer garbage: a sentence that names the cause, the right retry, and no
// leak.
#include "scripted_proxy.hpp"

namespace plexus::test {
namespace {

using namespace std::string_view_literals;

struct row {
    const char* name;
    void (*script)(int);
    std::int32_t status;
    bool retryable;
    const char* part;          ///< of the sentence
    std::uint32_t proxy_state; ///< what plexus.proxy/0 says afterwards
};

void PrintTo(const row& one, std::ostream* out) { *out << one.name; }

void reply(int socket, std::string_view bytes) {
    read_request(socket);
    give(socket, bytes);
}

const row rows[] = {
    {"closes_at_once", [](int) {}, PLEXUS_E_UNREACHABLE, true, "closed", PLEXUS_PROXY_FAILED},
    {"closes_after_greeting",
     [](int socket) {
         take(socket, 3);
         give(socket, "\5\2"sv);
     },
     PLEXUS_E_UNREACHABLE, true, "closed", PLEXUS_PROXY_FAILED},
    {"closes_after_password",
     [](int socket) {
         take(socket, 3);
         give(socket, "\5\2\1\0"sv);
         take(socket, 1);
     },
     PLEXUS_E_UNREACHABLE, true, "", PLEXUS_PROXY_FAILED},
    {"closes_instead_of_a_reply", [](int socket) { read_request(socket); }, PLEXUS_E_UNREACHABLE, true,
     "closed", PLEXUS_PROXY_FAILED},
    {"closes_inside_its_reply", [](int socket) { reply(socket, "\5\0\0\1\x7f"sv); }, PLEXUS_E_UNREACHABLE,
     true, "closed", PLEXUS_PROXY_FAILED},
    {"speaks_http", [](int socket) { give(socket, "HTTP/1.1 400 Bad Request\r\n\r\n"); }, PLEXUS_E_PROTOCOL,
     false, "no SOCKS5 proxy", PLEXUS_PROXY_FAILED},
    {"speaks_socks4", [](int socket) { give(socket, "\0\x5a\0\0\0\0\0\0"sv); }, PLEXUS_E_PROTOCOL, false,
     "no SOCKS5 proxy", PLEXUS_PROXY_FAILED},
    {"takes_no_method", [](int socket) { give(socket, "\5\xff"sv); }, PLEXUS_E_DENIED, false, "\"@\"",
     PLEXUS_PROXY_FAILED},
    {"chooses_what_was_not_offered", [](int socket) { give(socket, "\5\0"sv); }, PLEXUS_E_PROTOCOL, false,
     "not offered", PLEXUS_PROXY_FAILED},
    {"refuses_the_name",
     [](int socket) {
         take(socket, 3);
         give(socket, "\5\2"sv);
         take(socket, 2 + 44 + 1);
         give(socket, "\1\1"sv);
     },
     PLEXUS_E_DENIED, false, "user name and password", PLEXUS_PROXY_FAILED},
    {"answers_an_unknown_type", [](int socket) { reply(socket, "\5\0\0\7"sv); }, PLEXUS_E_PROTOCOL, false,
     "type 0x07", PLEXUS_PROXY_FAILED},
    {"answers_garbage", [](int socket) { reply(socket, "\x16\3\1\2"sv); }, PLEXUS_E_PROTOCOL, false, "0x16",
     PLEXUS_PROXY_FAILED},
    {"says_refused", [](int socket) { reply(socket, "\5\5\0\1\0\0\0\0\0\0"sv); }, PLEXUS_E_REFUSED, true,
     "refused", PLEXUS_PROXY_READY},
    {"says_refused_in_two_bytes", [](int socket) { reply(socket, "\5\5"sv); }, PLEXUS_E_REFUSED, true,
     "refused", PLEXUS_PROXY_READY},
    {"says_not_known", [](int socket) { reply(socket, "\5\xf0\0\1\0\0\0\0\0\0"sv); }, PLEXUS_E_UNREACHABLE,
     true, "onion service", PLEXUS_PROXY_READY},
    {"says_unauthorized", [](int socket) { reply(socket, "\5\xf4\0\1\0\0\0\0\0\0"sv); }, PLEXUS_E_DENIED,
     false, "authorized", PLEXUS_PROXY_READY},
    {"says_no_onion_name", [](int socket) { reply(socket, "\5\xf6\0\1\0\0\0\0\0\0"sv); }, PLEXUS_E_INVALID,
     false, ".onion", PLEXUS_PROXY_READY},
};

class bad_proxy : public ::testing::TestWithParam<row> {};

TEST_P(bad_proxy, is_named) {
    const row& one = GetParam();
    validate::socket_server proxy(scripted(one.script));
    running_socks socks("127.0.0.1:" + std::to_string(proxy.port()));
    const auto& made = socks.connect("example.com", 5223, "somebody");
    EXPECT_EQ(made.outcome(), one.status) << made.message;
    EXPECT_EQ(made.retryable, one.retryable) << made.message;
    EXPECT_EQ(made.stream, nullptr);
    EXPECT_NE(made.message.find("example.com:5223"), std::string::npos) << made.message;
    EXPECT_NE(made.message.find(one.part), std::string::npos) << made.message;
    const auto status = socks.status();
    EXPECT_EQ(status.state, one.proxy_state) << status.summary;
    const bool named = status.summary.find(std::to_string(proxy.port())) != std::string::npos;
    EXPECT_TRUE(named || one.proxy_state == PLEXUS_PROXY_READY) << status.summary;
}

INSTANTIATE_TEST_SUITE_P(scripts, bad_proxy, ::testing::ValuesIn(rows),
                         [](const auto& given) { return given.param.name; });

TEST(stalling_proxy, is_given_up_at_the_deadline) {
    // At each step: nothing, the method, half of the reply.
    const std::function<void(int)> scripts[] = {
        [](int socket) { take(socket, 100'000); },
        [](int socket) {
            take(socket, 3);
            give(socket, "\5\2"sv);
            take(socket, 100'000);
        },
        [](int socket) {
            read_request(socket);
            give(socket, "\5\0\0\1\x7f"sv);
            take(socket, 100'000);
        },
    };
    for (const auto& script : scripts) {
        validate::socket_server proxy(scripted(script));
        running_socks socks("127.0.0.1:" + std::to_string(proxy.port()));
        const auto& made = socks.connect("example.com", 5223, "", std::chrono::milliseconds(300));
        EXPECT_EQ(made.outcome(), PLEXUS_E_TIMEOUT) << made.message;
        EXPECT_TRUE(made.retryable);
        EXPECT_NE(made.message.find("300 ms"), std::string::npos) << made.message;
        if (&script != &scripts[0]) continue;
        // It said nothing at all.
        EXPECT_EQ(socks.status().state, static_cast<std::uint32_t>(PLEXUS_PROXY_FAILED));
    }
}

TEST(missing_proxy, is_not_mistaken_for_the_host) {
    const std::string address = "127.0.0.1:" + std::to_string(validate::free_port());
    running_socks socks(address);
    const auto& made = socks.connect("example.com", 5223);
    EXPECT_EQ(made.outcome(), PLEXUS_E_UNREACHABLE) << made.message;
    EXPECT_TRUE(made.retryable);
    EXPECT_NE(made.message.find(address), std::string::npos) << made.message;
    EXPECT_EQ(socks.status().state, PLEXUS_PROXY_FAILED);
}

TEST(missing_proxy, may_be_a_socket_that_is_not_there) {
    const scratch_folder folder;
    const std::string path = (folder.path() / "socks").string();
    running_socks socks("unix:" + path);
    const auto& made = socks.connect("example.com", 5223);
    EXPECT_EQ(made.outcome(), PLEXUS_E_UNREACHABLE) << made.message;
    EXPECT_NE(made.message.find(path), std::string::npos) << made.message;
}

} // namespace
} // namespace plexus::test
