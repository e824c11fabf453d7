#include "plexus/tor_control/reply.hpp"
#include "plexus/tor_control/text.hpp"

#include <gtest/gtest.h>

namespace plexus::tor_control {
namespace {

/// Everything that comes of bytes fed in pieces of that size.
std::vector<reply> read(std::string_view in, std::size_t piece) {
    reply_reader reader;
    std::vector<reply> out;
    while (!in.empty()) {
        const auto now = in.substr(0, piece);
        in.remove_prefix(now.size());
        const auto fed = reader.feed(as_bytes(now));
        EXPECT_TRUE(fed) << fed.error().message();
        while (auto one = reader.next()) out.push_back(std::move(*one));
    }
    return out;
}

error failure_of(std::string_view in) {
    reply_reader reader;
    const auto fed = reader.feed(as_bytes(in));
    EXPECT_FALSE(fed);
    return fed ? make_error(control_error::refused, "nothing failed") : fed.error();
}

TEST(TorReply, LinesOfOneReply) {
    const std::string_view in = "250-version=0.4.9.11\r\n"
                                "250+config/names=\r\nUser String\r\n..hidden\r\n.\r\n"
                                "250 OK\r\n"
                                "552 Unrecognized key \"foo\"\r\n";
    for (const std::size_t piece : {std::size_t(1), std::size_t(7), in.size()}) {
        const auto all = read(in, piece);
        ASSERT_EQ(all.size(), 2U);
        EXPECT_TRUE(all[0].is_success());
        ASSERT_EQ(all[0].lines.size(), 3U);
        EXPECT_EQ(all[0].value("version"), "0.4.9.11");
        EXPECT_EQ(all[0].value("config/names"), "User String\n.hidden\n");
        EXPECT_EQ(all[0].value("config"), std::nullopt);
        EXPECT_FALSE(all[1].is_success());
        EXPECT_EQ(all[1].text(), "552 Unrecognized key \"foo\"");
    }
}

TEST(TorReply, EventsStandBetweenReplies) {
    const auto all = read("650 STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED\r\n250 OK\r\n650-A\r\n650 B\r\n", 3);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_TRUE(all[0].is_event());
    EXPECT_FALSE(all[1].is_event());
    EXPECT_EQ(all[2].lines.size(), 2U);
}

TEST(TorReply, WhatIsNoReplyIsRefused) {
    for (const auto in : {"", "25\r\n", "abc OK\r\n", "250\r\n", "250*OK\r\n", "250-a\r\n650 b\r\n",
                          "650-a\r\n250 b\r\n", "HTTP/1.1 400 Bad Request\r\n"}) {
        if (*in == '\0') continue;
        EXPECT_TRUE(failure_of(in).is(control_error::malformed)) << in;
    }
    EXPECT_TRUE(failure_of(std::string(most_line + 1, '2')).is(control_error::too_large));
    std::string endless;
    while (endless.size() <= most_reply) endless += "250-" + std::string(1'000, 'x') + "\r\n";
    EXPECT_TRUE(failure_of(endless).is(control_error::too_large));
    std::string data = "250+x=\r\n";
    while (data.size() <= most_reply + 100) data += std::string(1'000, 'x') + "\r\n";
    EXPECT_TRUE(failure_of(data).is(control_error::too_large));
}

TEST(TorReply, AfterAnErrorNothingIsTaken) {
    reply_reader reader;
    EXPECT_FALSE(reader.feed(as_bytes("garbage\r\n")));
    EXPECT_FALSE(reader.feed(as_bytes("250 OK\r\n")));
    EXPECT_FALSE(reader.next());
}

TEST(TorText, QuotedStrings) {
    for (const std::string_view text : {"", "plain", "a \"quote\" and \\", "line\r\nend\x7f", "\xc3\xa4"}) {
        const auto there = parse_arguments("KEY=" + quoted(text) + " " + quoted(text));
        ASSERT_TRUE(there) << text;
        EXPECT_EQ(there->find("KEY"), text);
        EXPECT_EQ(there->words, std::vector<std::string>{std::string(text)});
    }
    const auto escapes = parse_arguments(R"(A="x\012\t\q" B= C=d=e)");
    ASSERT_TRUE(escapes);
    EXPECT_EQ(escapes->find("A"), "x\n\tq");
    EXPECT_EQ(escapes->find("B"), "");
    EXPECT_EQ(escapes->find("C"), "d=e");
    EXPECT_FALSE(parse_arguments("A=\"no end"));
    EXPECT_FALSE(parse_arguments("\"no end\\"));
}

TEST(TorText, PrintableIsSafeToLog) {
    EXPECT_EQ(printable("a\x1b[2Jb\n"), "a?[2Jb?");
    EXPECT_EQ(printable("abcdef", 3), "abc...");
}

} // namespace
} // namespace plexus::tor_control
