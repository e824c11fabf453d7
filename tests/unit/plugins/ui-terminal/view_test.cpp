#include "qr_code.hpp"
#include "view.hpp"

#include "vectors.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

namespace plexus::ui_terminal {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const view_options plain{};

/// What is shown of the official recording's events of a type, in their order.
std::vector<std::string> official(std::string_view type) {
    std::vector<std::string> out;
    for (const auto& vector : test::vectors("api.json", "exchange")) {
        const auto* events = vector.if_contains("events");
        if (events == nullptr || !events->is_object()) continue;
        for (const auto& [client, list] : events->get_object())
            for (const auto& event : list.as_array())
                if (event.at("type").as_string() == type) out.push_back(show_event(event.as_object(), plain));
    }
    return out;
}

TEST(view, everything_official_can_be_shown) {
    for (const auto& vector : test::vectors("api.json", "exchange")) {
        if (!test::is_null(vector, "resp")) show_answer(vector.at("resp").as_object(), plain);
        const auto* events = vector.if_contains("events");
        if (events == nullptr || !events->is_object()) continue;
        for (const auto& [client, list] : events->get_object())
            for (const auto& event : list.as_array()) show_event(event.as_object(), plain);
    }
}

TEST(view, official_messages) {
    const auto lines = official("newChatItems");
    EXPECT_THAT(lines, testing::Contains("alice> hello *there*\n"));
    EXPECT_THAT(lines, testing::Contains("bob> > you: hello *there*\n     a reply\n"));
    EXPECT_THAT(official("chatItemUpdated"), testing::Contains("alice> [edited] hello edited\n"));
    EXPECT_THAT(official("chatItemReaction"), testing::Contains(HasSubstr("bob> > hello edited + ")));
    EXPECT_THAT(official("contactConnected"), testing::Contains(HasSubstr("bob: contact is connected\n")));
}

TEST(view, files_and_groups_are_named) {
    const auto shown = [](const std::string& item) {
        const auto event = boost::json::parse(
            R"({"type":"newChatItems","chatItems":[{"chatInfo":{"type":"direct","contact":{"localDisplayName":"ann"}},"chatItem":)" +
            item + "}]}");
        return show_event(event.as_object(), plain);
    };
    const auto file = [&](const std::string& text, const std::string& size) {
        return shown(R"({"chatDir":{"type":"directRcv"},"meta":{"itemText":")" + text +
                     R"("},"content":{"type":"rcvMsgContent"},"file":{"fileName":"a.txt\u001b","fileSize":)" +
                     size + "}}");
    };
    EXPECT_THAT(file("", "1023"), testing::MatchesRegex("ann> sends file a.txt.*1023 bytes.; files cannot be "
                                                        "received so far\n"));
    EXPECT_THAT(file("look", "1100"), testing::MatchesRegex("ann> look\n     sends file a.txt.*1.0 KiB.*\n"));
    EXPECT_THAT(file("", "1048575"), HasSubstr("(1023.9 KiB)"));
    EXPECT_THAT(file("", "1048576"), HasSubstr("(1.0 MiB)"));
    EXPECT_THAT(file("", "9223372036854775807"), HasSubstr("(8589934591.9 GiB)"));
    EXPECT_EQ(
        shown(
            R"({"chatDir":{"type":"directRcv"},"meta":{"itemText":"come"},"content":{"type":"rcvGroupInvitation"}})"),
        "ann> come\n     groups cannot be joined so far\n");
}

TEST(view, colours_show_the_markdown) {
    const auto event = boost::json::parse(
        R"({"type":"newChatItems","chatItems":[{"chatInfo":{"type":"direct","contact":{"localDisplayName":"ann"}},"chatItem":{"chatDir":{"type":"directRcv"},"meta":{"itemText":"a *b*"},"content":{"type":"rcvMsgContent"},"formattedText":[{"text":"a "},{"format":{"type":"bold"},"text":"b"}]}}]})");
    EXPECT_EQ(show_event(event.as_object(), plain), "ann> a *b*\n");
    view_options coloured;
    coloured.colours = style(true);
    EXPECT_THAT(show_event(event.as_object(), coloured), HasSubstr("a \x1b[1mb\x1b[0m"));
}

TEST(view, what_a_peer_writes_cannot_command_the_terminal) {
    const auto event = boost::json::parse(
        R"({"type":"newChatItems","chatItems":[{"chatInfo":{"type":"direct","contact":{"localDisplayName":"a\u001b[2Jb"}},"chatItem":{"chatDir":{"type":"directRcv"},"meta":{"itemText":"x\u001b]0;y\u0007\r\nz"},"content":{"type":"rcvMsgContent"}}}]})");
    const auto shown = show_event(event.as_object(), plain);
    EXPECT_EQ(shown.find('\x1b'), std::string::npos);
    EXPECT_EQ(shown.find('\r'), std::string::npos);
    EXPECT_EQ(shown, "a[2Jb> x]0;y\n       z\n");
}

TEST(view, errors_say_what_to_do) {
    const auto error = [](const char* text) { return error_text(boost::json::parse(text).as_object()); };
    EXPECT_THAT(
        error(R"({"type":"chatCmdError","chatError":{"type":"error","errorType":{"type":"noActiveUser"}}})"),
        HasSubstr("/create user NAME"));
    EXPECT_THAT(
        error(
            R"({"type":"chatCmdError","chatError":{"type":"errorStore","storeError":{"type":"contactNotFoundByName","contactName":"eve"}}})"),
        HasSubstr("no contact eve"));
    EXPECT_THAT(error(R"({"type":"chatCmdError","chatError":{"type":"errorAgent","message":"no road"}})"),
                "no road");
    EXPECT_THAT(error(R"({"type":"cmdOk"})"), IsEmpty());
}

TEST(view, help_names_every_command) {
    for (const auto* command : {"/c LINK", "@name text", "/contacts", "/tail", "/delete", "/help", "/quit"})
        EXPECT_THAT(help_text(style()), HasSubstr(command));
}

TEST(view, a_link_stands_alone_on_its_line) {
    const auto answer = boost::json::parse(
        R"({"type":"invitation","connLinkInvitation":{"connFullLink":"simplex:/invitation#/?x","connShortLink":"https://h/i#a/b"}})");
    EXPECT_THAT(show_answer(answer.as_object(), plain), HasSubstr("\nhttps://h/i#a/b\n"));
    view_options with_code;
    with_code.qr_codes = true;
    EXPECT_THAT(show_answer(answer.as_object(), with_code), HasSubstr(qr_code("https://h/i#a/b")));
}

TEST(qr, has_a_margin_and_square_modules) {
    const auto code = qr_code("https://h/i#a/b");
    EXPECT_THAT(code, Not(IsEmpty()));
    const auto first = code.substr(0, code.find('\n'));
    for (std::size_t at = 0; at < first.size(); at += 3) EXPECT_EQ(first.substr(at, 3), "\u2588");
    // A code of 21 modules with 2 of margin on each side, two rows to a line.
    EXPECT_EQ(first.size() / 3, 25U);
    EXPECT_EQ(std::ranges::count(code, '\n'), 13);
    EXPECT_TRUE(qr_code(std::string(8000, 'x')).empty());
}

TEST(view, the_network) {
    const auto answer = boost::json::parse(R"({"type":"networkConfig","networkConfig":{
        "socksProxy":"user:secret@127.0.0.1:9050","socksMode":"onion","hostMode":"onionViaSocks",
        "requiredHostMode":true,"sessionMode":"server","smpWebPortServers":"preset",
        "tcpConnectTimeout":{"backgroundTimeout":31500000,"interactiveTimeout":10500000},
        "tcpTimeout":{"backgroundTimeout":21000000,"interactiveTimeout":7000000},"tcpTimeoutPerKb":5000,
        "tcpKeepAlive":{"keepIdle":30,"keepIntvl":15,"keepCnt":4},"smpPingInterval":600000000,"smpPingCount":3},
        "plexus":{"fallback":false,"reconnectLeast":1000000,"reconnectMost":60000000,
        "proxy":{"kind":"socks","state":"failed","percent":0,"address":"127.0.0.1:9050","summary":"nobody listens\u001b[2J"},
        "servers":[{"server":"smp.example.com:5223","state":"connected","connections":[
          {"host":"smp.example.com","route":"direct","since":"2026-11-28T04:00:00Z","roundTripMs":34.56}]},
          {"server":"other.example.com:5223","state":"disconnected","lastError":"refused","failures":2}]}})");
    const auto shown = show_answer(answer.as_object(), plain);
    EXPECT_THAT(shown, HasSubstr("using SOCKS5 proxy user:***@127.0.0.1:9050 for onion servers ONLY.\n"));
    EXPECT_THAT(shown, HasSubstr("socks: nobody listens"));
    EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
    EXPECT_THAT(shown, HasSubstr("hosts: .onion ones through a proxy, no others\n"));
    EXPECT_THAT(
        shown,
        HasSubstr(
            "TCP timeout: 21 s, 7 s while you wait, and 5 ms for each KiB; connecting: 31.5 s, 10.5 s"));
    EXPECT_THAT(shown, HasSubstr("  smp.example.com:5223: connected to smp.example.com directly since "
                                 "2026-11-28T04:00:00Z, round trip 34.5 ms\n"));
    EXPECT_THAT(shown, HasSubstr("  other.example.com:5223: not connected: refused\n"));
    const auto progress =
        boost::json::parse(R"({"type":"networkProxy","proxy":{"kind":"tor","state":"starting",
        "percent":45,"summary":"asking for descriptors"}})");
    EXPECT_EQ(show_event(progress.as_object(), plain), "tor: 45 % asking for descriptors\n");
}

} // namespace
} // namespace plexus::ui_terminal
