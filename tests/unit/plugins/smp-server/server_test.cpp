// The server as it runs: kernel, TLS and store in this process, clients on blocking connections to 127.0.0.1.
#include "running_server.hpp"

#include "plexus/smp/handshake.hpp"

#include <chrono>
#include <thread>

namespace plexus::smp_server::test {
namespace {

TEST(server, carries_messages_between_clients) {
    folder where;
    running_server server(where.path() / "server");
    bench::system_random random;
    for (const auto type : {crypto::key_type::ed25519, crypto::key_type::x25519, crypto::key_type::ed448}) {
        smp_peer recipient(server.address(), random);
        smp_peer sender(server.address(), random);
        for (int i = 0; i < 8; ++i) { // on both shards
            const auto queue = bench::make_queue(recipient, sender, random, type);
            const bytes most(sender.session().max_body(), 'm');
            sender.expect_ok(cmd::send{{}, most}, queue.sender_id, &queue.sender_key);
            bytes id;
            EXPECT_EQ(next_event(recipient, queue, &id), to_string(most));
            recipient.expect_ok(cmd::ack{id}, queue.recipient_id, &queue.recipient_key);
        }
        sender.send(cmd::ping{}, {}, nullptr);
        EXPECT_EQ(answer_of(sender), "PONG");
    }
}

TEST(server, a_second_connection_takes_over_a_subscription) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer first(server.address(), random);
    smp_peer second(server.address(), random);
    smp_peer third(server.address(), random);
    const auto queue = bench::make_queue(first, third, random, crypto::key_type::ed25519);
    second.expect_ok(cmd::sub{}, queue.recipient_id, &queue.recipient_key);
    EXPECT_EQ(next_event(first, queue), "END");
    third.expect_ok(cmd::sub{}, queue.recipient_id, &queue.recipient_key);
    EXPECT_EQ(next_event(second, queue), "END");
    first.send(cmd::del{}, queue.recipient_id, &queue.recipient_key);
    EXPECT_EQ(answer_of(first), "OK");
    EXPECT_EQ(next_event(third, queue), "DELD");
}

TEST(server, a_waiting_message_comes_in_the_block_of_the_answer) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer first(server.address(), random);
    smp_peer second(server.address(), random);
    smp_peer sender(server.address(), random);
    const auto events_of_block = [](smp_peer& peer) {
        std::string out;
        peer.receive([&](const smp::client_event& event) {
            out += smp::name(event.content);
            out += ' ';
            return true;
        });
        return out;
    };
    for (int i = 0; i < 64; ++i) { // on both shards
        const auto queue = bench::make_queue(first, sender, random, crypto::key_type::ed25519);
        sender.expect_ok(cmd::send{{}, as_bytes("waiting")}, queue.sender_id, &queue.sender_key);
        EXPECT_EQ(events_of_block(first), "MSG ");
        second.send(cmd::sub{}, queue.recipient_id, &queue.recipient_key);
        EXPECT_EQ(events_of_block(second), "SOK MSG ");
        EXPECT_EQ(events_of_block(first), "END ");
    }
}

TEST(server, a_full_store_refuses_what_it_cannot_keep_and_goes_on) {
    folder where;
    running_server server(where.path() / "server", "", "store-lmdb", "map-size = \"1MiB\"\n");
    bench::system_random random;
    smp_peer recipient(server.address(), random);
    smp_peer sender(server.address(), random);
    const auto queue = bench::make_queue(recipient, sender, random, crypto::key_type::ed25519);
    const auto next_body = [&](int n) { return std::to_string(n) + std::string(15'000, 'm'); };
    const auto send = [&](int n) {
        const auto body = next_body(n);
        sender.send(cmd::send{{}, as_bytes(body)}, queue.sender_id, &queue.sender_key);
        return answer_of(sender);
    };
    int sent = 0;
    std::string refused;
    while (sent < 120 && (refused = send(sent)) == "OK") ++sent;
    EXPECT_EQ(refused, "ERR STORE no room left") << "without a path of this machine, after " << sent;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(send(sent).starts_with("ERR STORE"));
    sender.send(cmd::ping{}, {}, nullptr);
    EXPECT_EQ(answer_of(sender), "PONG");

    // What was acknowledged comes, taking it makes room, and what could not be kept is not there.
    for (int n = 0; n < sent; ++n) {
        bytes id;
        EXPECT_EQ(next_event(recipient, queue, &id), next_body(n));
        recipient.send(cmd::ack{id}, queue.recipient_id, &queue.recipient_key);
    }
    EXPECT_EQ(send(sent), "OK");
    EXPECT_EQ(next_event(recipient, queue), next_body(sent));
    const auto log = server.log();
    const auto line = log.find("a commit failed");
    ASSERT_NE(line, std::string::npos);
    EXPECT_EQ(log.find("a commit failed", line + 1), std::string::npos) << "one line a kind and minute";
}

TEST(server, messages_outlive_the_server) {
    folder where;
    bench::system_random random;
    bench::bench_queue queue;
    {
        running_server server(where.path() / "server");
        smp_peer recipient(server.address(), random);
        smp_peer sender(server.address(), random);
        queue = bench::make_queue(recipient, sender, random, crypto::key_type::ed25519);
        for (const auto* text : {"one", "two", "three"})
            sender.expect_ok(cmd::send{{}, as_bytes(text)}, queue.sender_id, &queue.sender_key);
    }
    running_server server(where.path() / "server");
    smp_peer recipient(server.address(), random);
    recipient.send(cmd::sub{}, queue.recipient_id, &queue.recipient_key);
    bytes id;
    EXPECT_EQ(next_event(recipient, queue, &id), "one");
    for (const auto* text : {"two", "three"}) {
        recipient.send(cmd::ack{id}, queue.recipient_id, &queue.recipient_key);
        EXPECT_EQ(next_event(recipient, queue, &id), text);
    }
    recipient.expect_ok(cmd::ack{id}, queue.recipient_id, &queue.recipient_key);
}

TEST(server, what_grows_old_is_found_and_removed) {
    folder where;
    bench::system_random random;
    running_server server(where.path() / "server", "expire-interval = \"1s\"\nmessage-lifetime = \"1s\"\n"
                                                   "suspended-lifetime = \"1s\"\n");
    smp_peer recipient(server.address(), random);
    smp_peer sender(server.address(), random);
    smp_peer reader(server.address(), random);
    const auto ask = [](smp_peer& peer, const bench::bench_queue& queue, auto command) {
        peer.send(command, queue.recipient_id, &queue.recipient_key);
        return answer_of(peer);
    };
    const auto queue = bench::make_queue(recipient, sender, random, crypto::key_type::ed25519);
    sender.expect_ok(cmd::send{{}, as_bytes("old")}, queue.sender_id, &queue.sender_key);
    std::string got;
    while ((got = ask(reader, queue, cmd::get{})) == "MSG")
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(got, "OK") << "the queue stays";

    recipient.expect_ok(cmd::off{}, queue.recipient_id, &queue.recipient_key);
    while ((got = ask(reader, queue, cmd::get{})) == "OK")
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(got, "ERR AUTH");
}

TEST(server, what_grew_old_while_it_was_away_is_removed_at_the_start) {
    folder where;
    bench::system_random random;
    const auto settings = "expire-interval = \"10d\"\nmessage-lifetime = \"1s\"\n";
    bench::bench_queue queue;
    {
        running_server server(where.path() / "server", settings);
        smp_peer recipient(server.address(), random);
        smp_peer sender(server.address(), random);
        queue = bench::make_queue(recipient, sender, random, crypto::key_type::ed25519);
        sender.expect_ok(cmd::send{{}, as_bytes("old")}, queue.sender_id, &queue.sender_key);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2'500));
    running_server server(where.path() / "server", settings);
    smp_peer reader(server.address(), random);
    std::string got = "MSG";
    while (got == "MSG") {
        reader.send(cmd::get{}, queue.recipient_id, &queue.recipient_key);
        got = answer_of(reader);
    }
    EXPECT_EQ(got, "OK");
}

TEST(server, a_backup_taken_while_it_runs_is_a_server) {
    folder where;
    bench::system_random random;
    bench::bench_queue queue;
    {
        running_server server(where.path() / "server");
        smp_peer recipient(server.address(), random);
        smp_peer sender(server.address(), random);
        queue = bench::make_queue(recipient, sender, random, crypto::key_type::ed25519);
        sender.expect_ok(cmd::send{{}, as_bytes("one")}, queue.sender_id, &queue.sender_key);
        const auto at = where.path().string();
        const auto words = std::string(PLEXUSD_PATH) + " backup " + at + "/server " + at + "/backup > " + at +
                           "/backup.out 2>&1";
        ASSERT_EQ(std::system(words.c_str()), 0);
        sender.expect_ok(cmd::send{{}, as_bytes("two")}, queue.sender_id, &queue.sender_key);
    }
    running_server restored(where.path() / "backup");
    smp_peer recipient(restored.address(), random);
    recipient.send(cmd::sub{}, queue.recipient_id, &queue.recipient_key);
    bytes id;
    EXPECT_EQ(next_event(recipient, queue, &id), "one");
    // OK, and not the next message: what came later is not in it.
    recipient.expect_ok(cmd::ack{id}, queue.recipient_id, &queue.recipient_key);
}

TEST(server, many_subscriptions_at_once) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer owner(server.address(), random);
    smp_peer sender(server.address(), random);
    std::vector<bench::bench_queue> queues;
    constexpr int count = 300;
    for (int i = 0; i < count; ++i)
        queues.push_back(bench::make_queue(owner, sender, random, crypto::key_type::ed25519));
    for (const auto& queue : queues)
        sender.expect_ok(cmd::send{{}, as_bytes("waiting")}, queue.sender_id, &queue.sender_key);
    smp_peer again(server.address(), random);
    for (const auto& queue : queues)
        ASSERT_TRUE(again.session().send(cmd::sub{}, queue.recipient_id, &queue.recipient_key, 0));
    again.send(cmd::ping{}, {}, nullptr);
    int subscribed = 0;
    int messages = 0;
    again.receive([&](const smp::client_event& event) {
        if (std::holds_alternative<msg::sok>(event.content)) ++subscribed;
        if (std::holds_alternative<msg::message>(event.content)) ++messages;
        return subscribed == count && messages == count;
    });
}

TEST(server, wants_the_password_for_new_queues) {
    folder where;
    running_server server(where.path() / "server", "password = \"open\"\n", "store-memory");
    bench::system_random random;
    smp_peer peer(server.address(), random);
    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, random);
    cmd::create create;
    create.key = key.public_part();
    create.dh_key = crypto::private_key::generate(crypto::key_type::x25519, random).public_part();
    peer.send(create, {}, &key);
    EXPECT_EQ(answer_of(peer), "ERR AUTH");
    create.password = as_bytes("open");
    peer.send(create, {}, &key);
    EXPECT_EQ(answer_of(peer), "IDS");
}

TEST(server, what_it_does_not_offer) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer peer(server.address(), random);
    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, random);
    const bytes id(24, 1);
    auto ask = [&](const smp::command& command, bytes_view entity, const crypto::private_key* with) {
        peer.send(command, entity, with);
        return answer_of(peer);
    };
    EXPECT_EQ(ask(cmd::rfwd{}, {}, nullptr), "ERR CRYPTO") << "only proxies may";
    EXPECT_EQ(ask(cmd::rslv{as_bytes("a.simplex")}, {}, nullptr), "ERR NAME NO_RESOLVER");
    for (const smp::command& command :
         {smp::command(cmd::sub{}), smp::command(cmd::nsub{}), smp::command(cmd::ndel{})})
        EXPECT_EQ(ask(command, id, &key), "ERR AUTH") << "there is no such queue";
}

TEST(server, a_garbage_block_is_answered_and_the_connection_lives) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer peer(server.address(), random);
    smp::block_buffer garbage{};
    random.fill(garbage);
    peer.write_block(garbage);
    std::string what;
    peer.receive([&](const smp::client_event& event) {
        const auto* failed = std::get_if<msg::err>(&event.content);
        what = failed != nullptr ? smp::to_text(failed->error) : "something else";
        return true;
    });
    EXPECT_EQ(what, "BLOCK");
}

/// True if the server ends the connection without sending anything more.
bool ends(bench::tls_peer& tls) {
    std::array<std::uint8_t, 1> byte{};
    try {
        tls.read(byte);
    } catch (const std::runtime_error&) {
        return true;
    }
    return false;
}

TEST(server, hostile_hellos_are_closed) {
    folder where;
    running_server server(where.path() / "server", "handshake-timeout = \"5s\"\n", "store-memory");
    const auto address = server.address();
    smp::block_buffer block{};
    auto silent = bench::tls_peer::connect(address.port_number());
    silent.read(block);
    auto slow = bench::tls_peer::connect(address.port_number());
    slow.read(block);
    slow.write(bytes(100, 1));
    EXPECT_TRUE(ends(silent)) << "no hello in time";
    EXPECT_TRUE(ends(slow)) << "half a hello";
    auto greet = [&](smp::client_hello hello) {
        auto tls = bench::tls_peer::connect(address.port_number());
        tls.read(block);
        bytes content;
        encoding::writer writer(content);
        write(writer, hello);
        smp::block_cipher().seal(block, content);
        tls.write(block);
        return ends(tls);
    };
    smp::client_hello hello;
    hello.chosen = 17;
    hello.identity = address.fingerprint;
    const bytes other(32, 7);
    auto wrong = hello;
    wrong.identity = other;
    EXPECT_TRUE(greet(wrong)) << "for another server";
    wrong = hello;
    wrong.chosen = smp::supported_versions.max + 1;
    EXPECT_TRUE(greet(wrong)) << "a version that was not offered";
    bench::system_random random;
    smp_peer fine(address, random);
    fine.send(cmd::ping{}, {}, nullptr);
    EXPECT_EQ(answer_of(fine), "PONG") << "the others are unharmed";
}

TEST(server, idle_clients_are_closed_unless_they_are_subscribed) {
    folder where;
    running_server server(where.path() / "server", "idle-timeout = \"3s\"\n", "store-memory");
    bench::system_random random;
    std::vector<std::unique_ptr<smp_peer>> subscribed; // with queues on either shard
    for (int i = 0; i < 4; ++i) {
        subscribed.push_back(std::make_unique<smp_peer>(server.address(), random));
        bench::make_queue(*subscribed.back(), *subscribed.back(), random, crypto::key_type::ed25519);
    }
    smp_peer idle(server.address(), random);
    EXPECT_THROW(idle.receive([](const smp::client_event&) { return false; }), std::runtime_error);
    for (auto& each : subscribed) {
        each->send(cmd::ping{}, {}, nullptr);
        EXPECT_EQ(answer_of(*each), "PONG");
    }
}

TEST(server, init_is_run_twice_without_harm) {
    folder where;
    const auto target = (where.path() / "server").string();
    const auto out = where.path() / "out";
    auto init = [&](const std::string& options) {
        const auto line =
            std::string(PLEXUSD_PATH) + " init " + target + " " + options + " > " + out.string() + " 2>&1";
        EXPECT_EQ(std::system(line.c_str()), 0);
        std::ifstream in(out);
        std::string last;
        for (std::string each; std::getline(in, each);) last = each;
        return last;
    };
    const auto first = init("--host smp.example.com --host abc.onion --port 443 --password s3cret");
    const auto parsed = smp::parse_server_address(first);
    ASSERT_TRUE(parsed) << first;
    EXPECT_EQ(parsed->hosts.size(), 2U);
    EXPECT_EQ(parsed->port, "443");
    EXPECT_EQ(as_text(parsed->password), "s3cret");
    const auto config = std::filesystem::last_write_time(target + "/plexus.toml");
    EXPECT_EQ(init("--host other.example.com"), first);
    EXPECT_EQ(std::filesystem::last_write_time(target + "/plexus.toml"), config);
    for (const auto* secret : {"ca.key", "server.key", "plexus.toml", "address"})
        EXPECT_EQ(std::filesystem::status(target + "/" + secret).permissions(),
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
            << secret;
    std::filesystem::remove(target + "/address");
    EXPECT_EQ(init("--host smp.example.com --host abc.onion --port 443 --password s3cret"), first)
        << "an init that was cut short goes on";
}

} // namespace
} // namespace plexus::smp_server::test
