// Private routing through a running server: to another one, and to destinations that do as the test says.
#include "running_server.hpp"

#include "plexus/smp/authorization.hpp"
#include "plexus/smp/certificates.hpp"
#include "plexus/smp/handshake.hpp"
#include "plexus/smp/proxy.hpp"
#include "plexus/smp/server.hpp"

#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace plexus::smp_server::test {
namespace {

constexpr const char* local = "proxy-allow-private = true\n";

/// What a client knows of a destination after PKEY.
struct relay_session {
    bytes id;
    smp::version_range versions;
    crypto::public_key key;
};

/// PRXY, and the destination's key checked as official clients do.
std::string reach(smp_peer& proxy, const smp::server_address& server, relay_session& out,
                  std::optional<bytes_view> password = std::nullopt) {
    proxy.send(cmd::prxy{server, password}, {}, nullptr);
    std::string what;
    proxy.receive([&](const smp::client_event& event) {
        if (std::holds_alternative<msg::pong>(event.content)) return false; // of an earlier command
        if (const auto* failed = std::get_if<msg::err>(&event.content)) what = smp::to_text(failed->error);
        if (const auto* got = std::get_if<msg::pkey>(&event.content)) {
            what = "PKEY";
            out.id = to_bytes(got->session_id);
            out.versions = got->versions;
            const auto leaf = smp::certificate_key(got->key.chain.front()).value();
            const auto key = smp::verify_server_key(got->key, server.fingerprint, leaf);
            if (key)
                out.key = *key;
            else
                what = key.error().message();
        }
        return true;
    });
    return what;
}

/// What came back for a command that went through the proxy: "OK", "ERR AUTH", or of the proxy "PROXY: ...".
std::string through(smp_peer& proxy, crypto::random_source& random, const relay_session& relay,
                    const smp::command& value, bytes_view entity, const crypto::private_key* key) {
    const auto version = relay.versions.max;
    const auto own = crypto::private_key::generate(crypto::key_type::x25519, random);
    const auto box = crypto::box_key::agree(own, relay.key).value();
    const auto id = proxy.session().new_correlation_id();
    bytes body;
    encoding::writer body_writer(body);
    smp::write(body_writer, value, version);
    bytes authorized;
    encoding::writer writer(authorized);
    smp::write_for_authorization(writer, relay.id, id, entity, body);
    bytes authorization;
    if (key != nullptr) authorization = smp::authorize(*key, relay.key, id, authorized).value();
    bytes content{1};
    encoding::writer inner(content);
    const auto begin = inner.begin_large();
    smp::write_authorized(inner, version, authorization, {},
                          bytes_view(authorized).subspan(smp::sent_offset(version, relay.id)));
    inner.end_large(begin);
    const auto sealed = smp::seal_proxied_command(box, id, content).value();
    cmd::pfwd forward;
    forward.relay_version = version;
    forward.key = own.public_part();
    forward.transmission = sealed;
    EXPECT_TRUE(proxy.session().send(id, forward, relay.id, nullptr, 0));
    proxy.send(cmd::ping{}, {}, nullptr);
    std::string what;
    proxy.receive([&](const smp::client_event& event) {
        if (std::holds_alternative<msg::pong>(event.content)) return false;
        if (const auto* failed = std::get_if<msg::err>(&event.content))
            what = "PROXY: " + smp::to_text(failed->error);
        if (const auto* got = std::get_if<msg::pres>(&event.content)) {
            const auto opened = smp::open_proxied_response(box, id, got->response);
            if (!opened) {
                what = "undecryptable";
                return true;
            }
            auto batch = smp::batch_reader::open(*opened).value();
            const auto transmission = smp::parse_transmission(batch.next(), version).value();
            const auto answer = smp::parse_message(transmission.body, version).value();
            const auto* failed = std::get_if<msg::err>(&answer);
            what = failed != nullptr ? "ERR " + smp::to_text(failed->error) : std::string(smp::name(answer));
        }
        return true;
    });
    return what;
}

TEST(proxy, carries_commands_to_another_server) {
    folder where;
    running_server destination(where.path() / "destination", "", "store-memory");
    running_server proxy(where.path() / "proxy", local, "store-memory");
    bench::system_random random;
    smp_peer recipient(destination.address(), random);
    for (int i = 0; i < 4; ++i) { // from both shards of the proxy
        smp_peer sender(proxy.address(), random);
        relay_session relay;
        ASSERT_EQ(reach(sender, destination.address(), relay), "PKEY");
        EXPECT_EQ(relay.versions.min, 8);
        EXPECT_EQ(relay.versions.max, 20);
        auto queue = bench::make_queue(recipient, recipient, random, crypto::key_type::x25519);
        EXPECT_EQ(through(sender, random, relay, cmd::skey{queue.sender_key.public_part()}, queue.sender_id,
                          &queue.sender_key),
                  "OK");
        EXPECT_EQ(through(sender, random, relay, cmd::rslv{as_bytes("alice.simplex")}, {}, nullptr),
                  "ERR NAME NO_RESOLVER");
        EXPECT_EQ(through(sender, random, relay, cmd::sub{}, queue.recipient_id, &queue.recipient_key),
                  "ERR CMD PROHIBITED");
        EXPECT_EQ(through(sender, random, relay, cmd::subs{}, queue.recipient_id, &queue.recipient_key),
                  "ERR CMD PROHIBITED");
        const bytes body(16'000, 'm');
        EXPECT_EQ(through(sender, random, relay, cmd::send{{}, body}, queue.sender_id, &queue.sender_key),
                  "OK");
        bytes id;
        EXPECT_EQ(next_event(recipient, queue, &id), to_string(body));
        recipient.expect_ok(cmd::ack{id}, queue.recipient_id, &queue.recipient_key);
        const auto stranger = crypto::private_key::generate(crypto::key_type::ed25519, random);
        EXPECT_EQ(through(sender, random, relay, cmd::send{{}, body}, queue.sender_id, &stranger),
                  "ERR AUTH");
        EXPECT_EQ(through(sender, random, relay, cmd::sub{}, queue.recipient_id, &queue.recipient_key),
                  "ERR CMD PROHIBITED");
        auto unknown = relay;
        unknown.id[0] ^= 1;
        EXPECT_EQ(through(sender, random, unknown, cmd::send{{}, body}, queue.sender_id, nullptr),
                  "PROXY: PROXY NO_SESSION");
    }
}

TEST(proxy, asks_for_the_password) {
    folder where;
    running_server proxy(where.path() / "proxy", std::string(local) + "password = \"open\"\n",
                         "store-memory");
    bench::system_random random;
    smp_peer peer(proxy.address(), random);
    relay_session relay;
    EXPECT_EQ(reach(peer, proxy.address(), relay), "PROXY BASIC_AUTH");
    EXPECT_EQ(reach(peer, proxy.address(), relay, as_bytes("shut")), "PROXY BASIC_AUTH");
    EXPECT_EQ(reach(peer, proxy.address(), relay, as_bytes("open")), "PKEY") << "a server reaches itself";
}

TEST(proxy, can_be_turned_off) {
    folder where;
    running_server proxy(where.path() / "proxy", "proxy = false\n", "store-memory");
    bench::system_random random;
    smp_peer peer(proxy.address(), random);
    relay_session relay;
    EXPECT_EQ(reach(peer, proxy.address(), relay), "PROXY BASIC_AUTH");
}

TEST(proxy, dials_no_private_address_unless_told) {
    folder where;
    const auto [descriptor, port] = bench::listen_on_loopback();
    running_server proxy(where.path() / "proxy", "", "store-memory");
    bench::system_random random;
    smp_peer peer(proxy.address(), random);
    relay_session relay;
    auto server = proxy.address();
    server.port = std::to_string(port);
    for (const auto* host :
         {"127.0.0.1", "localhost", "0.0.0.0", "10.0.0.1", "192.168.0.1", "169.254.169.254", "::1", "fd00::1",
          "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz234567.onion"}) {
        server.hosts = {encoding::parse_host(host).value()};
        EXPECT_EQ(reach(peer, server, relay), "PROXY BROKER HOST") << host;
    }
    ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
    EXPECT_LT(::accept(descriptor, nullptr, nullptr), 0) << "nobody has knocked";
    ::close(descriptor);
}

/// Reads PEM files of a server's folder.
smp::server_identity identity_in(const std::filesystem::path& folder) {
    const auto open = [&](const char* name) { return BIO_new_file((folder / name).c_str(), "r"); };
    std::vector<bytes> chain;
    BIO* certificates = open("server.crt");
    while (X509* one = PEM_read_bio_X509(certificates, nullptr, nullptr, nullptr)) {
        bytes der(static_cast<std::size_t>(i2d_X509(one, nullptr)));
        auto* end = der.data();
        i2d_X509(one, &end);
        chain.push_back(std::move(der));
        X509_free(one);
    }
    BIO_free(certificates);
    BIO* keys = open("server.key");
    EVP_PKEY* key = PEM_read_bio_PrivateKey(keys, nullptr, nullptr, nullptr);
    BIO_free(keys);
    bytes raw(32);
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_private_key(key, raw.data(), &size);
    EVP_PKEY_free(key);
    auto own = crypto::private_key::from_raw(crypto::key_type::ed25519, raw).value();
    return smp::make_server_identity(std::move(chain), std::move(own)).value();
}

/// A destination that the test plays: it shakes hands and does with each forwarded command what it is told.
class fake_relay {
  public:
    using answer = std::function<std::optional<smp::message>(const smp::server_request&)>;

    /// With the certificates in a server's folder. `hello`: false leaves the proxy waiting.
    fake_relay(const std::filesystem::path& folder, answer what, bool hello = true,
               smp::version_range offered = {})
        : what_(std::move(what)), hello_(hello), offered_(offered), folder_(folder) {
        std::tie(listening_, port_) = bench::listen_on_loopback();
        thread_ = std::thread([this] { run(); });
    }
    ~fake_relay() {
        ::shutdown(listening_, SHUT_RDWR);
        if (const int open = connected_; open >= 0) ::shutdown(open, SHUT_RDWR);
        thread_.join();
        ::close(listening_);
    }
    smp::server_address address(const running_server& like) const {
        auto out = like.address();
        out.port = std::to_string(port_);
        return out;
    }
    int accepted() const { return accepted_; }

  private:
    void run() {
        try {
            for (;;) {
                auto tls = bench::tls_peer::accept(listening_, (folder_ / "server.crt").string(),
                                                   (folder_ / "server.key").string());
                ++accepted_;
                connected_ = tls.descriptor();
                serve(tls);
                connected_ = -1;
            }
        } catch (const std::exception&) { // the listening socket was shut
        }
    }
    void serve(bench::tls_peer& tls) try {
        smp::block_buffer block{};
        if (!hello_) {
            tls.read(block);
            return;
        }
        const auto identity = identity_in(folder_);
        bench::system_random random;
        smp::server_session session(identity, bench::channel_binding(tls.ssl()), true, random);
        EXPECT_TRUE(session.write_hello(block));
        if (offered_.max != 0) { // the versions stand first
            block[2] = static_cast<std::uint8_t>(offered_.min >> 8);
            block[3] = static_cast<std::uint8_t>(offered_.min);
            block[4] = static_cast<std::uint8_t>(offered_.max >> 8);
            block[5] = static_cast<std::uint8_t>(offered_.max);
        }
        tls.write(block);
        tls.read(block);
        EXPECT_TRUE(session.receive(block));
        for (;;) {
            tls.read(block);
            EXPECT_TRUE(session.receive(block));
            smp::server_request request;
            while (session.next(request)) {
                const auto said = what_(request);
                if (!said) continue;
                bytes content;
                encoding::writer writer(content);
                smp::write(writer, *said, session.agreed_version());
                bytes out;
                session.write_response(out, request.correlation_id, {}, content);
                smp::block_buffer reply{};
                auto builder = session.begin(reply);
                builder.append(bytes_view(out).subspan(2));
                session.seal(builder);
                tls.write(reply);
            }
        }
    } catch (const std::exception&) { // the proxy has gone
    }

    answer what_;
    bool hello_;
    smp::version_range offered_;
    std::filesystem::path folder_;
    int listening_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<int> accepted_{0};
    std::atomic<int> connected_{-1};
    std::thread thread_;
};

struct proxy_errors : testing::Test {
    folder where;
    std::optional<running_server> server;
    bench::system_random random;
    std::optional<smp_peer> peer;
    relay_session relay;

    /// Each test says what it makes shorter: nothing that has to succeed is in a hurry.
    void start(const std::string& more = "") {
        server.emplace(where.path() / "proxy", local + more, "store-memory");
        peer.emplace(server->address(), random);
    }
    std::string forward(const fake_relay& to) {
        const auto reached = reach(*peer, to.address(*server), relay);
        if (reached != "PKEY") return reached;
        return through(*peer, random, relay, cmd::send{{}, as_bytes("x")}, bytes(24, 1), nullptr);
    }
    std::filesystem::path keys() const { return where.path() / "proxy"; }
};

TEST_F(proxy_errors, of_the_destination_are_passed_on) {
    start();
    const auto refuse = [](const smp::server_request&) {
        return std::optional<smp::message>(msg::err{smp::make_server_error(smp::error_code::crypto)});
    };
    fake_relay to(keys(), refuse);
    EXPECT_EQ(forward(to), "PROXY: PROXY PROTOCOL CRYPTO");
}

TEST_F(proxy_errors, of_answers_that_make_no_sense) {
    start();
    const auto pong = [](const smp::server_request&) { return std::optional<smp::message>(msg::pong{}); };
    fake_relay to(keys(), pong);
    EXPECT_EQ(forward(to), "PROXY: PROXY BROKER UNEXPECTED PONG");
    const auto garbage = [](const smp::server_request&) {
        static const bytes noise(64, 7);
        return std::optional<smp::message>(msg::rres{noise});
    };
    fake_relay other(keys(), garbage);
    EXPECT_EQ(forward(other), "PROXY: CRYPTO");
}

TEST_F(proxy_errors, of_a_destination_that_says_nothing) {
    start("proxy-timeout = \"300ms\"\n");
    const auto silent = [](const smp::server_request&) { return std::optional<smp::message>(); };
    fake_relay to(keys(), silent);
    EXPECT_EQ(forward(to), "PROXY: PROXY BROKER TIMEOUT");
    EXPECT_EQ(through(*peer, random, relay, cmd::send{}, bytes(24, 1), nullptr), "PROXY: PROXY NO_SESSION")
        << "its session was given up";
}

TEST_F(proxy_errors, of_a_destination_without_a_hello) {
    start("proxy-connect-timeout = \"1s\"\n");
    fake_relay to(keys(), {}, false);
    EXPECT_EQ(forward(to), "PROXY BROKER NETWORK");
}

TEST_F(proxy_errors, of_a_destination_that_is_too_old) {
    start();
    fake_relay to(keys(), {}, true, {6, 7});
    EXPECT_EQ(forward(to), "PROXY BROKER TRANSPORT VERSION");
    EXPECT_EQ(forward(to), "PROXY BROKER TRANSPORT VERSION");
    EXPECT_EQ(to.accepted(), 1) << "a failure is remembered";
}

TEST_F(proxy_errors, of_a_destination_that_is_another) {
    start();
    fake_relay to(keys(), {});
    auto other = to.address(*server);
    other.fingerprint[0] ^= 1;
    EXPECT_EQ(reach(*peer, other, relay), "PROXY BROKER NETWORK");
}

TEST_F(proxy_errors, of_a_destination_that_is_not_there) {
    start();
    const auto [descriptor, port] = bench::listen_on_loopback();
    ::close(descriptor);
    auto away = server->address();
    away.port = std::to_string(port);
    EXPECT_EQ(reach(*peer, away, relay), "PROXY BROKER NETWORK");
    EXPECT_NE(server->log().find("cannot be reached"), std::string::npos);
}

TEST_F(proxy_errors, all_clients_share_one_session) {
    start();
    const auto refuse = [](const smp::server_request&) {
        return std::optional<smp::message>(msg::err{smp::make_server_error(smp::error_code::auth)});
    };
    fake_relay to(keys(), refuse);
    EXPECT_EQ(forward(to), "PROXY: PROXY PROTOCOL AUTH");
    for (int i = 0; i < 4; ++i) {
        smp_peer another(server->address(), random);
        relay_session seen;
        EXPECT_EQ(reach(another, to.address(*server), seen), "PKEY");
        EXPECT_EQ(seen.id, relay.id);
        EXPECT_EQ(through(another, random, seen, cmd::send{}, bytes(24, 1), nullptr),
                  "PROXY: PROXY PROTOCOL AUTH");
    }
    EXPECT_EQ(to.accepted(), 1);
}

TEST_F(proxy_errors, a_destination_that_takes_long_makes_way) {
    start("proxy-destinations = 16\n"); // one attempt at once on each shard
    const auto refuse = [](const smp::server_request&) {
        return std::optional<smp::message>(msg::err{smp::make_server_error(smp::error_code::auth)});
    };
    fake_relay fine(keys(), refuse);
    const auto [descriptor, port] = bench::listen_on_loopback();
    smp_peer slow(server->address(), random);
    auto away = server->address();
    away.port = std::to_string(port);
    slow.send(cmd::prxy{away, std::nullopt}, {}, nullptr);
    const int taken = ::accept(descriptor, nullptr, nullptr); // it is being dialed
    std::string what;
    do what = forward(fine);
    while (what == "PROXY BROKER TIMEOUT");
    EXPECT_EQ(what, "PROXY: PROXY PROTOCOL AUTH");
    EXPECT_EQ(answer_of(slow), "ERR PROXY BROKER TIMEOUT");
    ::close(taken);
    ::close(descriptor);
}

/// A flood for addresses where nobody answers: the flooder's own commands wait, nobody else's do.
TEST_F(proxy_errors, a_flood_of_requests_is_the_flooders_problem) {
    start();
    const auto refuse = [](const smp::server_request&) {
        return std::optional<smp::message>(msg::err{smp::make_server_error(smp::error_code::auth)});
    };
    fake_relay fine(keys(), refuse);
    std::vector<std::pair<int, std::uint16_t>> silent; // TCP connects, TLS does not come
    for (int i = 0; i < 40; ++i) silent.push_back(bench::listen_on_loopback());
    smp_peer flooder(server->address(), random);
    for (int round = 0; round < 5; ++round)
        for (const auto& [descriptor, port] : silent) {
            auto away = server->address();
            away.port = std::to_string(port);
            ASSERT_TRUE(flooder.session().send(cmd::prxy{away, std::nullopt}, {}, nullptr, 1));
        }
    flooder.send(cmd::ping{}, {}, nullptr);
    EXPECT_EQ(forward(fine), "PROXY: PROXY PROTOCOL AUTH");
    for (const auto& [descriptor, port] : silent) ::close(descriptor); // which ends what waits for them
    std::size_t answers = 0;
    flooder.receive([&](const smp::client_event& event) {
        if (const auto* failed = std::get_if<msg::err>(&event.content)) {
            EXPECT_EQ(smp::to_text(failed->error), "PROXY BROKER NETWORK");
            ++answers;
        }
        return answers == 5 * silent.size();
    });
}

} // namespace
} // namespace plexus::smp_server::test
