// Engines of a few shards over one store, and clients that sign commands and read what comes back as text.
#pragma once

#include "engine/engine.hpp"
#include "fake_store.hpp"

#include "plexus/encoding/writer.hpp"
#include "plexus/smp/authorization.hpp"
#include "plexus/smp/message_body.hpp"
#include "plexus/smp/transmission.hpp"

#include <gtest/gtest.h>

#include <set>

namespace plexus::smp_server::test {

namespace cmd = smp::cmd;
namespace msg = smp::msg;

class test_random : public crypto::random_source {
  public:
    void fill(bytes_span out) override {
        for (auto& byte : out) {
            state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
            byte = static_cast<std::uint8_t>(state_ >> 56);
        }
    }

  private:
    std::uint64_t state_ = 7;
};

/// What a client saw: "OK", "MSG hello", "ERR AUTH", "END"; with "! " in front if it is an event.
struct seen {
    std::uint64_t client = 0;
    std::string what;
    bytes correlation;
    bytes entity;
    bytes message; ///< the encoded message, or the id of a MSG
};

class rig : public engine_outputs {
  public:
    explicit rig(std::uint32_t shards = 1)
        : session_key(std::make_shared<const crypto::private_key>(
              crypto::private_key::generate(crypto::key_type::x25519, random))) {
        make_engines(shards);
    }

    /// Everything in memory is gone, the store is as it was committed.
    void restart() { restart(static_cast<std::uint32_t>(engines.size())); }
    void restart(std::uint32_t shards) {
        ++run;
        engines.clear();
        make_engines(shards);
    }
    void make_engines(std::uint32_t shards) {
        const auto opened = open_tables(store.ref()).value();
        for (std::uint32_t i = 0; i < shards; ++i)
            engines.push_back(std::make_unique<queue_engine>(i, shards, own, store.ref(), opened, *this,
                                                             random, (run << 44) + (std::uint64_t{i} << 36)));
    }
    /// Of all shards.
    std::uint64_t count_of(counted what) const {
        std::uint64_t out = 0;
        for (const auto& each : engines) out += each->statistics().counts[static_cast<std::size_t>(what)];
        return out;
    }

    // engine_outputs
    void answer(const reply_to& to, const smp::message& content) override {
        checks = to.checks;
        seen out{to.connection.number,
                 to.event ? "! " : "",
                 to_bytes(to.correlation.view()),
                 to_bytes(to.entity.view()),
                 {}};
        encoding::writer writer(out.message);
        smp::write(writer, content, to.version);
        const auto* failed = std::get_if<msg::err>(&content);
        out.what +=
            failed != nullptr ? "ERR " + smp::to_text(failed->error) : std::string(smp::name(content));
        log.push_back(std::move(out));
    }
    void deliver(const reply_to& to, const delivery& what) override {
        const auto text = what.message->quota ? std::string("QUOTA") : to_string(what.message->body);
        log.push_back({to.connection.number, (to.event ? "! MSG " : "MSG ") + text,
                       to_bytes(to.correlation.view()), to_bytes(to.entity.view()),
                       to_bytes(bytes_view(what.message->id))});
        keys[to_bytes(to.entity.view())] = what.key;
    }
    void forward(std::uint32_t shard, const request& in, const identifier& recipient_id) override {
        ++forwarded;
        auto kept = std::make_shared<const owned_request>(in);
        engines[shard]->execute(kept->view(), recipient_id);
    }
    void when_room(const connection_id& of, std::function<void(bool)> next) override {
        if (gone.count(of.number) > 0)
            next(false);
        else if (full)
            waiting_for_room.push_back(std::move(next));
        else
            next(true);
    }
    std::int64_t seconds() override { return now; }
    std::int64_t expiry_seconds() override { return expiry_now.value_or(now); }

    /// Sends a command of a client and lets the store finish, unless `hold`.
    void command(std::uint64_t client, const smp::command& value, bytes_view entity,
                 const crypto::private_key* key, bytes correlation = {}) {
        if (correlation.empty()) correlation = to_bytes(bytes_view(random.array<24>()));
        last_correlation = correlation;
        bytes body;
        encoding::writer body_writer(body);
        smp::write(body_writer, value, version);
        bytes authorized;
        encoding::writer writer(authorized);
        smp::write_for_authorization(writer, bytes(32, 1), correlation, entity, body);
        bytes authorization;
        if (key != nullptr)
            authorization = smp::authorize(*key, session_key->public_part(), correlation, authorized).value();
        reply_to from;
        from.connection = {static_cast<std::uint32_t>(client % engines.size()), client};
        from.version = version;
        from.correlation = short_id(correlation);
        from.entity = short_id(entity);
        const auto parsed = smp::parse_command(body, version).value();
        request in;
        in.from = &from;
        in.session_key = session_key;
        if (key != nullptr) in.authorized = authorized;
        in.authorization = authorization;
        in.body = body;
        in.content = &parsed;
        if (const auto found = services.find(client); found != services.end()) in.service = found->second;
        engines[from.connection.shard]->submit(in);
        if (!hold) store.run();
    }
    /// The same, and what came of it, to all clients, as "CLIENT:WHAT" with a space between.
    std::string tell(std::uint64_t client, const smp::command& value, bytes_view entity,
                     const crypto::private_key* key, bytes correlation = {}) {
        command(client, value, entity, key, std::move(correlation));
        return take();
    }
    std::string take() {
        std::string out;
        for (const auto& each : log)
            out += (out.empty() ? "" : ", ") + std::to_string(each.client) + ":" + each.what;
        if (!log.empty()) last = log.back();
        log.clear();
        return out;
    }
    void disconnect(std::uint64_t client) {
        for (auto& engine : engines)
            engine->disconnected({static_cast<std::uint32_t>(client % engines.size()), client});
    }

    test_random random;
    std::uint16_t checks = 0; ///< of the last answer
    fake_store store;
    settings own;
    std::vector<std::unique_ptr<queue_engine>> engines;
    std::shared_ptr<const crypto::private_key> session_key;
    std::vector<seen> log;
    seen last;
    bytes last_correlation;
    std::map<bytes, crypto::box_key> keys;
    std::int64_t now = 1'751'328'000;
    std::optional<std::int64_t> expiry_now;
    smp::version version = 17;
    std::size_t forwarded = 0;
    std::uint64_t run = 1;
    bool hold = false;
    bool full = false; ///< connections have no room
    std::vector<std::function<void(bool)>> waiting_for_room;
    std::set<std::uint64_t> gone;
    std::map<std::uint64_t, service_ptr> services; ///< clients that are services
};

/// A queue, with its keys, made by a client of a rig.
struct test_queue {
    bytes recipient_id;
    bytes sender_id;
    bytes link_id;
    crypto::private_key recipient;
    crypto::private_key sender;

    static test_queue make(rig& world, std::uint64_t client,
                           std::optional<smp::queue_mode> mode = smp::queue_mode::messaging,
                           bool subscribe = true, std::optional<smp::link_data> link = std::nullopt,
                           bytes contact_link = {}) {
        test_queue out;
        out.recipient = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
        out.sender = crypto::private_key::generate(crypto::key_type::x25519, world.random);
        cmd::create value;
        value.key = out.recipient.public_part();
        value.dh_key = crypto::private_key::generate(crypto::key_type::x25519, world.random).public_part();
        value.mode = mode;
        value.subscribe = subscribe;
        const auto correlation = to_bytes(bytes_view(world.random.array<24>()));
        const auto sender_id = crypto::id_from_correlation_id(correlation);
        if (link) value.data = cmd::create::link{contact_link, sender_id, *link};
        world.command(client, value, {}, &out.recipient, correlation);
        const auto got = world.log.back().message;
        EXPECT_EQ(world.take(), std::to_string(client) + ":IDS");
        const auto parsed = smp::parse_message(got, world.version).value();
        const auto& ids = std::get<msg::ids>(parsed);
        out.recipient_id = to_bytes(ids.recipient_id);
        out.sender_id = to_bytes(ids.sender_id);
        if (ids.link_id) out.link_id = to_bytes(*ids.link_id);
        return out;
    }
    std::string sub(rig& world, std::uint64_t client) {
        return world.tell(client, cmd::sub{}, recipient_id, &recipient);
    }
    std::string secure(rig& world, std::uint64_t client) {
        return world.tell(client, cmd::skey{sender.public_part()}, sender_id, &sender);
    }
    /// Unsecured.
    std::string send(rig& world, std::uint64_t client, std::string_view text) {
        return world.tell(client, cmd::send{{}, as_bytes(text)}, sender_id, nullptr);
    }
    std::string send_secured(rig& world, std::uint64_t client, std::string_view text) {
        return world.tell(client, cmd::send{{}, as_bytes(text)}, sender_id, &sender);
    }
    std::string ack(rig& world, std::uint64_t client, bytes id = {}) {
        return world.tell(client, cmd::ack{id}, recipient_id, &recipient);
    }
};

} // namespace plexus::smp_server::test
