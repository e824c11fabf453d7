// The SOCKS5 client as a table of steps: what it sends, what it reads, and what it says of every refusal.
#include "plexus/socks/client.hpp"

#include <gtest/gtest.h>

namespace plexus::socks {
namespace {

bytes of(std::initializer_list<int> values) {
    bytes out;
    for (const int one : values) out.push_back(static_cast<std::uint8_t>(one));
    return out;
}

bytes operator+(bytes a, const bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

target named(std::string name, std::uint16_t port = 5223) { return {{}, std::move(name), port}; }

credentials with(std::string_view user, std::string_view password) {
    return {secret_bytes(as_bytes(user)), secret_bytes(as_bytes(password))};
}

/// Drives a client against what a proxy says, in pieces of `piece` bytes.
struct dialog {
    explicit dialog(target to, std::optional<credentials> credentials = {}, std::size_t piece = 1000)
        : machine(*client::make(to, credentials)), most(piece) {}

    bytes sent() {
        bytes out;
        while (!machine.output().empty()) {
            out.push_back(machine.output()[0]);
            machine.sent(1);
        }
        return out;
    }
    /// Bytes of `answer` that were taken are removed from it.
    result<bool> hear(bytes& answer) {
        while (!answer.empty()) {
            const std::size_t count = std::min({answer.size(), machine.wanted(), most});
            if (count == 0) return make_error(failure::request, "nothing is wanted");
            auto through = machine.received(bytes_view(answer).first(count));
            answer.erase(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(count));
            if (!through || *through) return through;
            if (!machine.output().empty()) return false;
        }
        return false;
    }
    result<bool> hear(bytes&& answer) { return hear(answer); }

    client machine;
    std::size_t most;
};

TEST(socks_client, asks_for_a_name_without_resolving_it) {
    dialog talk(named("example.com", 443));
    EXPECT_EQ(talk.sent(), of({5, 1, 0}));
    EXPECT_FALSE(*talk.hear(of({5, 0})));
    EXPECT_EQ(talk.sent(), of({5, 1, 0, 3, 11}) + to_bytes("example.com") + of({1, 0xbb}));
    bytes answer = of({5, 0, 0, 1, 127, 0, 0, 1, 0x23, 0x5a}) + to_bytes("belongs to the connection");
    EXPECT_TRUE(*talk.hear(answer));
    EXPECT_EQ(answer, to_bytes("belongs to the connection"));
}

TEST(socks_client, asks_for_numbers_as_numbers) {
    dialog four({of({1, 2, 3, 4}), {}, 80});
    four.sent();
    EXPECT_FALSE(*four.hear(of({5, 0})));
    EXPECT_EQ(four.sent(), of({5, 1, 0, 1, 1, 2, 3, 4, 0, 80}));
    const bytes sixteen(16, 7);
    dialog six({sixteen, {}, 80});
    six.sent();
    EXPECT_FALSE(*six.hear(of({5, 0})));
    EXPECT_EQ(six.sent(), of({5, 1, 0, 4}) + sixteen + of({0, 80}));
}

TEST(socks_client, reads_replies_of_every_length) {
    const bytes replies[] = {of({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}), of({5, 0, 0, 4}) + bytes(18, 1),
                             of({5, 0, 0, 3, 0, 0, 0}), of({5, 0, 0, 3, 255}) + bytes(257, 'x')};
    for (const auto& reply : replies) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
            dialog talk(named("a.onion"), {}, piece);
            talk.sent();
            EXPECT_FALSE(*talk.hear(of({5, 0})));
            talk.sent();
            bytes rest = reply + of({42});
            EXPECT_TRUE(*talk.hear(rest));
            EXPECT_EQ(rest, of({42}));
        }
    }
}

TEST(socks_client, authenticates) {
    const std::string longest(255, 'u');
    for (const auto& [user, password] : {std::pair<std::string, std::string>{"user", "secret"},
                                         {"name", ""},
                                         {"", ""},
                                         {longest, longest}}) {
        dialog talk(named("example.com"), with(user, password));
        EXPECT_EQ(talk.sent(), of({5, 1, 2}));
        EXPECT_FALSE(*talk.hear(of({5, 2})));
        EXPECT_EQ(talk.sent(), of({1, static_cast<int>(user.size())}) + to_bytes(user) +
                                   of({static_cast<int>(password.size())}) + to_bytes(password));
        EXPECT_FALSE(*talk.hear(of({1, 0})));
        EXPECT_EQ(talk.sent().size(), 5 + 11 + 2U);
        EXPECT_TRUE(*talk.hear(of({5, 0, 0, 1, 0, 0, 0, 0, 0, 0})));
    }
}

failure kind_of(const result<bool>& outcome) { return static_cast<failure>(outcome.error().code()); }

TEST(socks_client, does_not_go_on_without_what_isolates_it) {
    dialog talk(named("example.com"), with("user", ""));
    talk.sent();
    const auto refused = talk.hear(of({5, 0xff}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(kind_of(refused), failure::method);
    EXPECT_FALSE(refused.error().retryable());
    dialog other(named("example.com"), with("user", ""));
    other.sent();
    EXPECT_EQ(kind_of(other.hear(of({5, 0}))), failure::not_socks) << "it was not offered";
    dialog wrong(named("example.com"), with("user", "wrong"));
    wrong.sent();
    EXPECT_FALSE(*wrong.hear(of({5, 2})));
    wrong.sent();
    const auto denied = wrong.hear(of({1, 1}));
    EXPECT_EQ(kind_of(denied), failure::credentials);
    EXPECT_FALSE(denied.error().retryable());
}

TEST(socks_client, knows_what_is_no_proxy) {
    const bytes answers[] = {to_bytes("HTTP/1.1 400"), of({4, 90}), of({0, 0}), of({5, 1})};
    for (const auto& answer : answers) {
        dialog talk(named("example.com"));
        talk.sent();
        EXPECT_EQ(kind_of(talk.hear(bytes(answer))), failure::not_socks);
    }
    for (const auto& reply : {of({4, 0}), of({5, 0, 0, 2}), of({5, 0, 0, 0})}) {
        dialog talk(named("example.com"));
        talk.sent();
        EXPECT_FALSE(*talk.hear(of({5, 0})));
        talk.sent();
        EXPECT_EQ(kind_of(talk.hear(bytes(reply))), failure::not_socks);
    }
}

TEST(socks_client, says_why_the_proxy_refuses) {
    struct row {
        int code;
        failure kind;
        bool retryable;
        const char* part;
    };
    const row rows[] = {
        {0x01, failure::unreachable, true, "could not"},    {0x02, failure::denied, false, "rule"},
        {0x03, failure::unreachable, true, "network"},      {0x04, failure::unreachable, true, "host"},
        {0x05, failure::refused, true, "refused"},          {0x06, failure::unreachable, true, "too long"},
        {0x07, failure::unsupported, false, "connect"},     {0x08, failure::unsupported, false, "address"},
        {0xf0, failure::unreachable, true, "not known"},    {0xf1, failure::unreachable, true, "descriptor"},
        {0xf2, failure::unreachable, true, "introduction"}, {0xf3, failure::unreachable, true, "rendezvous"},
        {0xf4, failure::denied, false, "no key"},           {0xf5, failure::denied, false, "key"},
        {0xf6, failure::name, false, "checksum"},           {0xf7, failure::unreachable, true, "in time"},
        {0x42, failure::unreachable, true, "0x42"},
    };
    for (const auto& one : rows) {
        dialog talk(named("example.com"));
        talk.sent();
        EXPECT_FALSE(*talk.hear(of({5, 0})));
        talk.sent();
        // Two bytes are enough: what follows may never come.
        const auto refused = talk.hear(of({5, one.code}));
        ASSERT_FALSE(refused) << one.code;
        EXPECT_EQ(kind_of(refused), one.kind) << one.code;
        EXPECT_EQ(refused.error().retryable(), one.retryable) << one.code;
        EXPECT_NE(refused.error().message().find(one.part), std::string::npos) << refused.error().message();
    }
}

TEST(socks_client, refuses_what_the_protocol_cannot_carry) {
    const target hosts[] = {named(""),
                            named(std::string(256, 'a')),
                            named("a b"),
                            named("a\nb"),
                            named(std::string("a\0b", 3)),
                            named("caf\xc3\xa9.example"),
                            named("a", 0),
                            {bytes(5), {}, 1}};
    for (const auto& one : hosts) EXPECT_FALSE(client::make(one, {})) << one.name;
    EXPECT_TRUE(client::make(named(std::string(255, 'a')), {}));
    EXPECT_FALSE(client::make(named("a"), with(std::string(256, 'u'), "")));
    EXPECT_FALSE(client::make(named("a"), with("", std::string(256, 'p'))));
    EXPECT_FALSE(client::make(named("a"), with("<torS0X>0", "")));
    EXPECT_TRUE(client::make(named("a"), with("x<torS0X>0", "<torS0X>")));
}

} // namespace
} // namespace plexus::socks
