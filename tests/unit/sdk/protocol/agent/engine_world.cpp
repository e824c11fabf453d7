#include "engine_world.hpp"

#include "plexus/smp/message_body.hpp"

#include <stdexcept>

namespace plexus::test {

using agent::event_kind;

// ---- the server

fake_server::fake_server(std::string_view text, smp::version v, seeded_random& random)
    : address(smp::parse_server_address(text).value()), version(v), random_(random) {}

fake_server::response fake_server::refuse(smp::error_code code) const {
    return {smp::msg::err{smp::make_server_error(code)}, {}};
}

fake_server::queue* fake_server::by_sender(bytes_view id) {
    for (auto& [recipient, q] : queues_)
        if (equal(q.sender_id, id)) return &q;
    return nullptr;
}
fake_server::queue* fake_server::by_link(bytes_view id) {
    for (auto& [recipient, q] : queues_)
        if (!q.link_id.empty() && equal(q.link_id, id)) return &q;
    return nullptr;
}

std::size_t fake_server::waiting_messages() const noexcept {
    std::size_t count = 0;
    for (const auto& [recipient, q] : queues_) count += q.messages.size();
    return count;
}

void fake_server::disconnect(std::uint64_t client) {
    for (auto& [recipient, q] : queues_)
        if (q.subscriber == client) q.subscriber.reset();
}

std::vector<std::pair<std::uint64_t, fake_server::delivery>> fake_server::take_deliveries() {
    return std::exchange(deliveries_, {});
}

void fake_server::offer(const bytes& recipient_id, queue& q) {
    if (!q.subscriber || q.delivered || q.messages.empty()) return;
    q.delivered = true;
    const auto& first = q.messages.front();
    delivery out{recipient_id, first.id, bytes(smp::encrypted_body_size)};
    smp::received_body body;
    body.seconds = 1'700'000'000;
    body.quota = first.quota;
    body.body = first.body;
    smp::seal_message_body(std::span<std::uint8_t, smp::encrypted_body_size>(out.body), q.body_key, first.id,
                           body);
    deliveries_.emplace_back(*q.subscriber, std::move(out));
}

fake_server::response fake_server::execute(std::uint64_t client, const agent::action::command& command) {
    const auto own = queues_.find(command.entity_id);
    const auto authorized = [&](const crypto::public_key& key) {
        return command.key && command.key->public_part() == key;
    };
    const bool recipient = own != queues_.end() && authorized(own->second.key);

    if (const auto* create = std::get_if<smp::cmd::create>(&command.value)) {
        queue q;
        q.key = create->key;
        q.dh = crypto::private_key::generate(crypto::key_type::x25519, random_);
        q.body_key = crypto::box_key::agree(q.dh, create->dh_key).value();
        if (version >= smp::since::sender_key) q.mode = create->mode;
        q.sender_id = to_bytes(random_.array<24>());
        response out;
        smp::msg::ids ids;
        if (create->data) {
            q.sender_id = to_bytes(create->data->sender_id);
            q.fixed = to_bytes(create->data->data.fixed);
            q.user = to_bytes(create->data->data.user);
            q.link_id = to_bytes(random_.array<24>());
            ids.link_id = out.lent.emplace_back(q.link_id);
        }
        q.subscriber = client;
        const auto recipient_id = to_bytes(random_.array<24>());
        out.lent.reserve(4);
        if (ids.link_id) ids.link_id = out.lent.front();
        ids.recipient_id = out.lent.emplace_back(recipient_id);
        ids.sender_id = out.lent.emplace_back(q.sender_id);
        ids.dh_key = q.dh.public_part();
        ids.mode = q.mode;
        queues_.emplace(recipient_id, std::move(q));
        out.content = ids;
        return out;
    }
    if (std::holds_alternative<smp::cmd::sub>(command.value)) {
        if (!recipient) return refuse(smp::error_code::auth);
        auto& q = own->second;
        q.subscriber = client;
        q.delivered = false;
        offer(own->first, q);
        return {smp::msg::ok{}, {}};
    }
    if (const auto* key = std::get_if<smp::cmd::key>(&command.value)) {
        if (!recipient || (own->second.sender_key && *own->second.sender_key != key->sender_key))
            return refuse(smp::error_code::auth);
        own->second.sender_key = key->sender_key;
        return {smp::msg::ok{}, {}};
    }
    if (const auto* ack = std::get_if<smp::cmd::ack>(&command.value)) {
        if (!recipient) return refuse(smp::error_code::auth);
        auto& q = own->second;
        if (q.messages.empty() || !equal(q.messages.front().id, ack->message_id))
            return refuse(smp::error_code::no_message);
        q.messages.pop_front();
        if (q.messages.empty()) q.full = false;
        q.delivered = false;
        offer(own->first, q);
        return {smp::msg::ok{}, {}};
    }
    if (std::holds_alternative<smp::cmd::del>(command.value)) {
        if (!recipient) return refuse(smp::error_code::auth);
        queues_.erase(own);
        return {smp::msg::ok{}, {}};
    }
    if (const auto* skey = std::get_if<smp::cmd::skey>(&command.value)) {
        auto* q = by_sender(command.entity_id);
        if (q == nullptr || q->mode != smp::queue_mode::messaging || !authorized(skey->sender_key) ||
            (q->sender_key && *q->sender_key != skey->sender_key))
            return refuse(smp::error_code::auth);
        q->sender_key = skey->sender_key;
        return {smp::msg::ok{}, {}};
    }
    if (const auto* lkey = std::get_if<smp::cmd::lkey>(&command.value)) {
        auto* q = by_link(command.entity_id);
        if (q == nullptr || !authorized(lkey->sender_key) ||
            (q->sender_key && *q->sender_key != lkey->sender_key))
            return refuse(smp::error_code::auth);
        q->sender_key = lkey->sender_key;
        response out;
        out.lent.reserve(3);
        smp::msg::lnk lnk;
        lnk.sender_id = out.lent.emplace_back(q->sender_id);
        lnk.data.fixed = out.lent.emplace_back(q->fixed);
        lnk.data.user = out.lent.emplace_back(q->user);
        out.content = lnk;
        return out;
    }
    if (const auto* send = std::get_if<smp::cmd::send>(&command.value)) {
        auto* q = by_sender(command.entity_id);
        if (q == nullptr) return refuse(smp::error_code::auth);
        if (q->sender_key ? !authorized(*q->sender_key) : command.key.has_value())
            return refuse(smp::error_code::auth);
        if (send->body.size() > smp::max_message_length(version))
            return refuse(smp::error_code::large_message);
        if (q->full) return refuse(smp::error_code::quota);
        q->link_id.clear();
        message m{to_bytes(random_.array<24>()), to_bytes(send->body)};
        if (q->messages.size() >= quota) {
            q->full = true;
            m.quota = true;
            m.body.clear();
        }
        const bool refused = m.quota;
        q->messages.push_back(std::move(m));
        for (auto& [id, each] : queues_)
            if (&each == q) offer(id, each);
        if (refused) return refuse(smp::error_code::quota);
        return {smp::msg::ok{}, {}};
    }
    throw std::logic_error("the fake server does not know this command");
}

// ---- the world

world::world(std::uint64_t seed, smp::version version) : random_(seed), version_(version) {
    add_server("smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@one.example:5223");
}

fake_server& world::add_server(std::string_view address) {
    return *servers.emplace_back(std::make_unique<fake_server>(address, version_, random_));
}

world::node& world::add_node(std::string name, std::vector<std::size_t> its_servers) {
    auto& n = *nodes.emplace_back(std::make_unique<node>());
    n.index = nodes.size() - 1;
    n.kept.own_name = std::move(name);
    node_servers_[n.index] = std::move(its_servers);
    restart(n);
    return n;
}

std::string world::channel(const node& n, std::string_view what) const {
    return std::to_string(n.index) + '/' + std::to_string(n.epoch) + '/' + std::string(what);
}
std::uint64_t world::client(const node& n, agent::session_id session) const {
    return (n.index * 1'000 + n.epoch) * 100'000 + session;
}

void world::post(const std::string& where, task run) { channels_[where].push_back(std::move(run)); }

void world::restart(node& n) {
    agent::engine::options options;
    for (const auto index : node_servers_.at(n.index)) options.servers.push_back(servers.at(index)->address);
    n.random = std::make_unique<seeded_random>(random_.next());
    n.engine = std::make_unique<agent::engine>(options, *n.random);
    n.engine->advance(now);
    for (const auto& [place, value] : n.store) {
        const auto restored = n.engine->restore(place.first, place.second, value);
        if (!restored) throw std::logic_error(restored.error().message());
    }
    n.engine->start();
    n.engine->set_receiver(true);
    drain(n);
}

void world::crash(node& n) {
    for (const auto& [session, server] : n.sessions) server->disconnect(client(n, session));
    // Some of what was under way became durable, in order, and nobody heard of it.
    const auto reached = n.commits.empty() ? 0 : pick(n.commits.size() + 1);
    for (std::size_t i = 0; i < reached; ++i)
        for (const auto& write : n.commits[i].writes) {
            if (write.value)
                n.store[{write.into, write.key}] = to_bytes(*write.value);
            else
                n.store.erase({write.into, write.key});
        }
    const auto prefix = std::to_string(n.index) + '/';
    for (auto each = channels_.begin(); each != channels_.end();)
        each = each->first.starts_with(prefix) ? channels_.erase(each) : std::next(each);
    n.commits.clear();
    n.sessions.clear();
    n.dialing.clear();
    n.calls.clear();
    ++n.epoch;
    restart(n);
}

void world::cut(node& n, agent::session_id session) {
    const auto found = n.sessions.find(session);
    if (found == n.sessions.end()) return;
    found->second->disconnect(client(n, session));
    n.sessions.erase(found);
    const auto prefix = channel(n, "session " + std::to_string(session) + ' ');
    for (auto each = channels_.begin(); each != channels_.end();)
        each = each->first.starts_with(prefix) ? channels_.erase(each) : std::next(each);
    n.engine->server_down(session, make_error(agent::failure::network, "cut", true));
    drain(n);
}

void world::disturb() {
    auto& n = *nodes[pick(nodes.size())];
    if (pick(3) == 0) {
        crash(n);
    } else if (!n.sessions.empty()) {
        auto which = n.sessions.begin();
        std::advance(which, static_cast<std::ptrdiff_t>(pick(n.sessions.size())));
        cut(n, which->first);
    }
}

void world::run(const std::function<bool()>& enough) {
    for (const auto& n : nodes) drain(*n);
    for (std::size_t i = 0; i < 1'000'000; ++i) {
        if (enough && enough()) return;
        ++steps;
        if (disturbance != 0 && pick(disturbance) == 0) disturb();
        for (auto each = channels_.begin(); each != channels_.end();)
            each = each->second.empty() ? channels_.erase(each) : std::next(each);
        if (!channels_.empty()) {
            auto which = channels_.begin();
            std::advance(which, static_cast<std::ptrdiff_t>(pick(channels_.size())));
            auto run = std::move(which->second.front());
            which->second.pop_front();
            run();
            continue;
        }
        std::optional<std::int64_t> next;
        for (const auto& n : nodes)
            if (const auto deadline = n->engine->next_deadline())
                next = std::min(next.value_or(*deadline), *deadline);
        if (!next) return;
        now = std::max(now, *next);
        for (const auto& n : nodes) {
            n->engine->advance(now);
            drain(*n);
        }
    }
    throw std::logic_error("the world does not come to rest");
}

void world::drain(node& n) {
    while (auto action = n.engine->next()) perform(n, std::move(*action));
}

void world::perform(node& n, agent::any_action any) {
    namespace act = agent::action;
    if (auto* commit = std::get_if<act::commit>(&any)) {
        n.commits.push_back(std::move(*commit));
        post(channel(n, "store"), [this, &n] {
            if (lossy_store) {
                n.commits.clear();
                n.engine->commit_failed(make_error(agent::failure::corrupt, "disk"));
                return drain(n);
            }
            for (const auto& write : n.commits.front().writes) {
                if (write.value)
                    n.store[{write.into, write.key}] = to_bytes(*write.value);
                else
                    n.store.erase({write.into, write.key});
            }
            n.commits.pop_front();
            n.engine->committed();
            drain(n);
        });
    } else if (const auto* dial = std::get_if<act::dial>(&any)) {
        post(channel(n, "dial"), [this, &n, request = *dial] { connect(n, request); });
    } else if (const auto* hang_up = std::get_if<act::hang_up>(&any)) {
        if (n.sessions.count(hang_up->session) != 0) {
            n.sessions.at(hang_up->session)->disconnect(client(n, hang_up->session));
            n.sessions.erase(hang_up->session);
        }
    } else if (auto* command = std::get_if<act::command>(&any)) {
        auto shared = std::make_shared<act::command>(std::move(*command));
        const auto session = shared->session;
        if (n.sessions.count(session) == 0) return;
        post(channel(n, "session " + std::to_string(session) + " out"),
             [this, &n, shared] { execute(n, shared); });
    } else if (const auto* load = std::get_if<act::load>(&any)) {
        post(channel(n, "load"), [this, &n, request = *load] {
            const auto found = n.store.find({request.from, request.key});
            if (found == n.store.end())
                n.engine->loaded(request.token, std::nullopt);
            else
                n.engine->loaded(request.token, bytes_view(found->second));
            drain(n);
        });
    } else if (const auto* notify = std::get_if<act::notify>(&any)) {
        post(channel(n, "user"), [this, &n, what = notify->what] { tell(n, what); });
    } else if (auto* reply = std::get_if<act::reply>(&any)) {
        post(channel(n, "user"), [this, &n, answer = std::move(*reply)] {
            const auto found = n.calls.find(answer.request);
            if (found == n.calls.end()) return;
            const auto done = std::move(found->second);
            n.calls.erase(found);
            done(answer);
            drain(n);
        });
    }
}

void world::connect(node& n, const agent::action::dial& dial) {
    n.dialed.push_back(dial.interactive);
    for (auto& server : servers)
        if (server->address.fingerprint == dial.server.fingerprint &&
            server->address.hosts == dial.server.hosts && server->address.port == dial.server.port) {
            n.sessions[dial.session] = server.get();
            n.engine->server_up(dial.session, server->version);
            return drain(n);
        }
    n.engine->server_down(dial.session, make_error(agent::failure::network, "no such server", true));
    drain(n);
}

void world::execute(node& n, std::shared_ptr<agent::action::command> command) {
    const auto session = command->session;
    auto* server = n.sessions.at(session);
    auto response = std::make_shared<fake_server::response>(server->execute(client(n, session), *command));
    post(channel(n, "session " + std::to_string(session) + " in"), [this, &n, command, response] {
        n.engine->response(command->token, response->content);
        drain(n);
    });
    deliver(*server);
}

void world::deliver(fake_server& server) {
    for (auto& [who, what] : server.take_deliveries())
        for (auto& n : nodes)
            for (const auto& [session, its_server] : n->sessions) {
                if (its_server != &server || client(*n, session) != who) continue;
                post(channel(*n, "session " + std::to_string(session) + " in"),
                     [this, &n = *n, session = session, message = what] {
                         n.engine->server_event(session, message.recipient_id,
                                                smp::msg::message{message.message_id, message.body});
                         drain(n);
                     });
            }
}

void world::intrude(bytes_view sender_id, const crypto::private_key& key, bytes body) {
    agent::action::command command;
    command.entity_id = to_bytes(sender_id);
    if (!key.empty()) command.key = key;
    command.lent.push_back(std::move(body));
    command.value = smp::cmd::send{{}, command.lent.back()};
    servers[0]->execute(0, command);
    deliver(*servers[0]);
}

/// The user stores what they made of the event, and acknowledges it.
void world::tell(node& n, const agent::event& what) {
    if (what.sequence == 0) {
        n.passing.push_back(what);
        return;
    }
    const auto acknowledge = [this, &n, sequence = what.sequence] {
        n.engine->acknowledge(call(n, {}), sequence);
        drain(n);
    };
    if (what.sequence > n.kept.last_sequence) {
        n.kept.last_sequence = what.sequence;
        n.kept.events.push_back(what);
    }
    if (what.kind == event_kind::confirmation && n.allows) {
        n.engine->allow(call(n, [acknowledge](const auto&) { acknowledge(); }), what.connection,
                        to_bytes(n.kept.own_name));
        return drain(n);
    }
    if (what.kind != event_kind::confirmation) acknowledge();
}

agent::request_id world::call(node& n, std::function<void(const agent::action::reply&)> done) {
    const auto id = n.next_call++;
    if (done) n.calls.emplace(id, std::move(done));
    return id;
}

std::string world::create(node& n, bool short_link) {
    std::optional<agent::action::reply> got;
    n.engine->create(call(n, [&got](const auto& reply) { got = reply; }), short_link, to_bytes("{}"));
    drain(n);
    const auto disturbed = std::exchange(disturbance, 0);
    run([&got] { return got.has_value(); });
    disturbance = disturbed;
    if (!got || got->failed) throw std::logic_error(got ? got->failed->message() : "no reply");
    return short_link && !got->text2.empty() ? got->text2 : got->text;
}

agent::connection_id world::join(node& n, std::string_view link) {
    std::optional<agent::action::reply> got;
    n.engine->join(call(n, [&got](const auto& reply) { got = reply; }), link, to_bytes(n.kept.own_name));
    drain(n);
    const auto disturbed = std::exchange(disturbance, 0);
    run([&got] { return got.has_value(); });
    disturbance = disturbed;
    if (!got || got->failed) throw std::logic_error(got ? got->failed->message() : "no reply");
    return got->connection;
}

std::int64_t world::send(node& n, agent::connection_id id, std::string_view text) {
    return offer(n, id, 0, text);
}

std::int64_t world::offer(node& n, agent::connection_id id, std::uint64_t tag, std::string_view text) {
    std::optional<agent::action::reply> got;
    n.engine->send(call(n, [&got](const auto& reply) { got = reply; }), id, tag, true, as_bytes(text));
    drain(n);
    const auto epoch = n.epoch;
    run([&] { return got.has_value() || n.epoch != epoch; });
    if (!got) return 0; // it crashed before it said so
    if (got->failed) throw std::logic_error(got->failed->message());
    return got->id;
}

std::vector<agent::event> kept(const world::node& n, event_kind kind) {
    std::vector<agent::event> out;
    for (const auto& each : n.kept.events)
        if (each.kind == kind) out.push_back(each);
    return out;
}

} // namespace plexus::test
