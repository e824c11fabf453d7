#include "plexus/tor_control/authentication.hpp"

#include "vectors.hpp"

#include <gtest/gtest.h>

namespace plexus::tor_control {
namespace {

using doing = authentication::doing;

/// Gives a nonce of 0xab bytes, as in the exchange with tor 0.4.9.11 that the tests replay.
class constant_random final : public crypto::random_source {
  public:
    void fill(bytes_span out) override { std::fill(out.begin(), out.end(), std::uint8_t(0xab)); }
};

reply said(std::string_view text) {
    reply_reader reader;
    EXPECT_TRUE(reader.feed(as_bytes(text)));
    auto one = reader.next();
    EXPECT_TRUE(one);
    return one ? *one : reply();
}

std::string text(const secret_bytes& command) { return to_string(command); }

constexpr auto offers_all =
    "250-PROTOCOLINFO 1\r\n"
    "250-AUTH METHODS=COOKIE,SAFECOOKIE,HASHEDPASSWORD COOKIEFILE=\"/tmp/tt/h/control_auth_cookie\"\r\n"
    "250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n";
constexpr auto cookie = "9fa03fc1fd88fc9ed4ba8eba0d087befafb8dace6c9f02ea1ccac1d3ec678ec1";
constexpr auto challenge =
    "250 AUTHCHALLENGE SERVERHASH=E014579F16CC41ACC85ED9ACB1538B254774E0F518617B82BA230C5860814C31 "
    "SERVERNONCE=FAC44A946E07B2A4BD60DAA6094F4B0836BAA0DC79F375A148CEC4F7458EF853\r\n";

struct TorAuthentication : testing::Test {
    authentication with(std::string_view password) {
        return authentication(secret_bytes(as_bytes(password)), random);
    }
    constant_random random;
};

TEST_F(TorAuthentication, SafeCookieAsTorHasIt) {
    auto one = with("");
    EXPECT_EQ(text(one.begin().command), "PROTOCOLINFO 1\r\n");
    auto step = one.on_reply(said(offers_all));
    ASSERT_TRUE(step) << step.error().message();
    EXPECT_EQ(step->what, doing::read_cookie);
    EXPECT_EQ(step->cookie_file, "/tmp/tt/h/control_auth_cookie");
    EXPECT_EQ(one.version(), "0.4.9.11");
    step = one.on_cookie(secret_bytes(test::unhex(cookie)));
    ASSERT_TRUE(step);
    std::string expected = "AUTHCHALLENGE SAFECOOKIE ";
    for (int i = 0; i < 32; ++i) expected += "AB";
    EXPECT_EQ(text(step->command), expected + "\r\n");
    step = one.on_reply(said(challenge));
    ASSERT_TRUE(step) << step.error().message();
    EXPECT_EQ(text(step->command),
              "AUTHENTICATE 1D082A1298DD435D66DB10BDEC7ED409F2F4273DA3FEF5DE4E8E11CD9EBEB741\r\n");
    step = one.on_reply(said("250 OK\r\n"));
    ASSERT_TRUE(step);
    EXPECT_EQ(step->what, doing::done);
}

TEST_F(TorAuthentication, AnImpostorGetsNothing) {
    auto one = with("secret");
    one.begin();
    ASSERT_TRUE(one.on_reply(said(offers_all)));
    bytes wrong = test::unhex(cookie);
    wrong[31] ^= 1;
    ASSERT_TRUE(one.on_cookie(secret_bytes(wrong)));
    const auto step = one.on_reply(said(challenge));
    ASSERT_FALSE(step);
    EXPECT_TRUE(step.error().is(control_error::impostor));
}

TEST_F(TorAuthentication, PlainCookieOnlyWhereThereIsNoOther) {
    auto one = with("");
    one.begin();
    ASSERT_TRUE(one.on_reply(said("250-AUTH METHODS=COOKIE COOKIEFILE=\"/c\"\r\n250 OK\r\n")));
    const auto step = one.on_cookie(secret_bytes(test::unhex(cookie)));
    ASSERT_TRUE(step);
    EXPECT_TRUE(text(step->command).starts_with("AUTHENTICATE 9FA03FC1"));
}

TEST_F(TorAuthentication, PasswordWhereTheCookieCannotBeRead) {
    auto one = with("secret");
    one.begin();
    ASSERT_TRUE(one.on_reply(said(offers_all)));
    auto step = one.on_cookie(make_error(control_error::refused, "permission denied"));
    ASSERT_TRUE(step);
    EXPECT_EQ(text(step->command), "AUTHENTICATE 736563726574\r\n");
    step = one.on_reply(said("515 Authentication failed: Password did not match\r\n"));
    ASSERT_FALSE(step);
    EXPECT_TRUE(step.error().is(control_error::refused));
    EXPECT_NE(step.error().message().find("515 Authentication failed"), std::string::npos);
}

TEST_F(TorAuthentication, NoWayIn) {
    auto one = with("");
    one.begin();
    ASSERT_TRUE(one.on_reply(said(offers_all)));
    const auto step = one.on_cookie(make_error(control_error::refused, "permission denied"));
    ASSERT_FALSE(step);
    EXPECT_TRUE(step.error().is(control_error::no_method));
    EXPECT_NE(step.error().message().find("control-password"), std::string::npos);
    EXPECT_NE(step.error().message().find("permission denied"), std::string::npos);
}

TEST_F(TorAuthentication, NothingIsAskedFor) {
    auto one = with("");
    one.begin();
    const auto step = one.on_reply(said("250-AUTH METHODS=NULL\r\n250 OK\r\n"));
    ASSERT_TRUE(step);
    EXPECT_EQ(text(step->command), "AUTHENTICATE\r\n");
}

TEST_F(TorAuthentication, AnswersThatAreNone) {
    for (const auto answer :
         {"250 OK\r\n", "250-AUTH COOKIEFILE=\"/x\"\r\n250 OK\r\n", "250-AUTH METHODS=\"\r\n250 OK\r\n",
          "510 Unrecognized command\r\n", "250-AUTH METHODS=MAGIC\r\n250 OK\r\n"}) {
        auto one = with("");
        one.begin();
        EXPECT_FALSE(one.on_reply(said(answer))) << answer;
    }
    for (const auto answer :
         {"250 OK\r\n", "250 AUTHCHALLENGE SERVERHASH=00 SERVERNONCE=00\r\n", "513 No\r\n"}) {
        auto one = with("");
        one.begin();
        ASSERT_TRUE(one.on_reply(said(offers_all)));
        ASSERT_TRUE(one.on_cookie(secret_bytes(test::unhex(cookie))));
        EXPECT_FALSE(one.on_reply(said(answer))) << answer;
    }
}

TEST_F(TorAuthentication, ACookieOfAnotherSizeIsNotSent) {
    auto one = with("");
    one.begin();
    ASSERT_TRUE(one.on_reply(said("250-AUTH METHODS=COOKIE COOKIEFILE=\"/etc/shadow\"\r\n250 OK\r\n")));
    EXPECT_FALSE(one.on_cookie(secret_bytes(as_bytes("root:secret"))));
}

} // namespace
} // namespace plexus::tor_control
