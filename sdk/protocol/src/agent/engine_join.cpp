// Joining by a link, allowing a joiner, failing and removing connections (agent-protocol.md, "Duplex
// connection procedure" and "Fast duplex connection procedure").
#include "engine_state.hpp"
#include "plexus/agent/engine.hpp"
#include "plexus/agent/link_data.hpp"

namespace plexus::agent {

namespace {

constexpr version_range e2e_versions{crypto::ratchet_version_min, crypto::ratchet_version_max};

error not_compatible() {
    return make_error(failure::version, "the link was made by a program of other protocol versions");
}

} // namespace

void engine::join(request_id request, std::string_view text, bytes own_info) {
    const auto fail = [&](error cause) {
        refuse(request, std::move(cause));
        finish_step();
    };
    auto link = parse_link(text);
    if (!link) return fail(std::move(link).error());
    if (mode_of(*link) != connection_mode::invitation)
        return fail(make_error(failure::link,
                               "this is the link of a contact address or group; ask for a one-time "
                               "invitation link"));
    if (settings_.servers.empty()) return fail(make_error(failure::state, no_servers));

    connection record;
    record.own_info = std::move(own_info);
    if (auto* full = std::get_if<connection_request>(&*link)) {
        auto begun = begin_join(record, *full);
        if (!begun) return fail(std::move(begun).error());
    } else {
        const auto restored = restore_link(std::get<short_link>(std::move(*link)));
        if (restored.server.fingerprint == smp::key_hash{})
            return fail(make_error(failure::link, "the link names the server " +
                                                      restored.server.hosts.front().name +
                                                      " without its fingerprint; ask for the full link"));
        record.at = stage::resolving;
        record.link = to_text(restored);
        record.link_key = crypto::private_key::generate(crypto::key_type::ed25519, random_);
    }
    record.id = next_number(next_connection_, connection_limit_, 1);
    auto& c = add(std::move(record));
    save(c);
    action::reply reply;
    reply.request = request;
    reply.connection = c.id();
    answer(std::move(reply));
    pump(c);
    finish_step();
}

short_link engine::restore_link(short_link link) const {
    return agent::restore(std::move(link), settings_.presets);
}

/// The request is known: agrees on versions and makes the keys for the peer's queue.
result<void> engine::begin_join(connection& record, const connection_request& request) {
    const auto agreed = request.agent_versions.agree(agent_versions);
    const auto info = request.queues.front().agree(client_versions);
    if (!agreed || !info || !request.e2e || !request.e2e->agree(e2e_versions)) return not_compatible();
    // A key that fetched the link's data secured the queue.
    const bool secured = !record.link_key.empty();
    PLEXUS_TRY(auto queue, send_queue::make(*info, std::move(record.link_key), random_));
    queue.secured = secured;
    record.send = std::move(queue);
    record.link_key = {};
    record.link.clear();
    record.agent_version = *agreed;
    record.request = request;
    record.at = stage::creating_queue;
    return {};
}

void engine::fetch_link(live_connection& c) {
    const auto link = parse_short_link(c.record.link);
    if (!link) return fail_connection(c, link.error());
    use(c, link->server);
    auto& s = session_for(link->server, c.id());
    if (!s.up()) return;
    c.linking = true;
    operation what;
    what.what = operation::kind::fetch_link;
    what.connection = c.id();
    issue(s, std::move(what), link->link_id, &c.record.link_key,
          smp::cmd::lkey{c.record.link_key.public_part()});
}

void engine::link_fetched(live_connection& c, const smp::message& response) {
    c.linking = false;
    if (c.record.at != stage::resolving) return;
    if (const auto* refused = error_of(response))
        return fail_connection(
            c, server_refusal("LKEY: the link was used already, or its owner deleted it", *refused));
    const auto* data = std::get_if<smp::msg::lnk>(&response);
    auto opened = data != nullptr
                      ? open_link(c, *data)
                      : result<void>(make_error(failure::refused, "an unexpected answer to the link's LKEY"));
    if (!opened) return fail_connection(c, opened.error());
    save(c);
}

result<void> engine::open_link(live_connection& c, const smp::msg::lnk& response) {
    PLEXUS_TRY(const auto link, parse_short_link(c.record.link));
    PLEXUS_TRY(auto data, open_link_data(link.link_key, invitation_data_key(link.link_key),
                                         response.data.fixed, response.data.user));
    auto& request = data.fixed.request;
    if (request.mode() != connection_mode::invitation)
        return make_error(failure::link_data, "the link does not lead to an invitation");
    auto& address = request.queues.front().address;
    const auto& hosts = address.server.hosts;
    if (std::find(hosts.begin(), hosts.end(), link.server.hosts.front()) == hosts.end() ||
        !equal(address.sender_id, response.sender_id))
        return make_error(failure::link_data, "the link leads to a queue of another server");
    address.server = link.server;
    return begin_join(c.record, request);
}

void engine::create_reply_queue(live_connection& c) {
    if (settings_.servers.empty()) return;
    if (!c.creating_on) c.creating_on = choose_server(&c.record.send->server);
    auto p = std::make_unique<pending_create>();
    p->connection = c.id();
    p->server = *c.creating_on;
    c.creating = true;
    const auto& server = settings_.servers[p->server];
    use(c, server);
    send_create(session_for(server, c.id()), std::move(p));
}

void engine::reply_queue_created(live_connection& c, const pending_create& p, const smp::message& response) {
    c.creating = false;
    if (c.record.at != stage::creating_queue) return;
    if (const auto* refused = error_of(response))
        return fail_connection(c, server_refusal("NEW (does it want a password?)", *refused));
    const auto* ids = std::get_if<smp::msg::ids>(&response);
    if (ids == nullptr)
        return fail_connection(c, make_error(failure::refused, "an unexpected answer to NEW"));
    auto queue = make_receive_queue(p, *ids);
    if (!queue) return fail_connection(c, queue.error());
    c.record.receive = std::move(*queue);
    c.record.receive->client_version = c.record.send->client_version;
    c.subscribed = true; // NEW subscribes
    auto confirmed = confirm_join(c);
    if (!confirmed) fail_connection(c, confirmed.error());
}

/// The joiner's confirmation: starts the ratchet, and says where to answer.
result<void> engine::confirm_join(live_connection& c) {
    auto& record = c.record;
    const auto params = record.request->e2e->agree(e2e_versions);
    if (!params) return not_compatible();
    const auto own = crypto::x3dh_keys::generate(random_);
    PLEXUS_TRY(const auto secrets, crypto::x3dh_join(own, params->key1, params->key2));
    PLEXUS_TRY(c.progress.ratchet,
               crypto::ratchet::join({params->version, crypto::ratchet_version_max}, secrets, params->key2,
                                     crypto::private_key::generate(crypto::key_type::x448, random_)));
    connection_info_reply info;
    info.queues = {{record.receive->client_version, record.receive->address()}};
    info.info = std::move(record.own_info);
    record.own_info.clear();
    record.request.reset();
    record.at = stage::connecting;
    PLEXUS_CHECK(enqueue_confirmation(c, info, own.params(params->version)));
    save(c);
    return {};
}

void engine::allow(request_id request, connection_id id, bytes own_info) {
    auto* c = usable(request, id);
    if (c == nullptr) return;
    if (c->record.at != stage::awaiting_allow) {
        refuse(request, make_error(failure::state, "connection " + std::to_string(id) +
                                                       " has no confirmation waiting to be allowed"));
        return finish_step();
    }
    auto answered = answer_confirmation(*c, own_info);
    if (answered)
        answer(request);
    else
        refuse(request, std::move(answered).error());
    pump(*c);
    finish_step();
}

/// The creator's confirmation, to the joiner's queue.
result<void> engine::answer_confirmation(live_connection& c, bytes_view own_info) {
    auto& record = c.record;
    PLEXUS_TRY(record.send, send_queue::make(*record.reply_queue, {}, random_));
    PLEXUS_CHECK(enqueue_confirmation(c, connection_info{to_bytes(own_info)}, std::nullopt));
    record.reply_queue.reset();
    record.receive->secure_with = record.peer_sender_key;
    record.peer_sender_key.reset();
    record.at = stage::connecting;
    save(c);
    return {};
}

void engine::fail_connection(live_connection& c, const error& cause) {
    if (c.record.at == stage::failed || c.record.at == stage::deleting) return;
    c.record.at = stage::failed;
    clear_outbox(c);
    save(c);
    event failed;
    failed.kind = event_kind::failed;
    failed.connection = c.id();
    failed.status =
        cause.domain() == error_domain(failure{}) ? cause.code() : static_cast<std::int32_t>(failure::crypto);
    failed.text = cause.message();
    raise(std::move(failed));
}

void engine::finish_connecting(live_connection& c) {
    if (c.record.at != stage::connecting) return;
    c.record.at = stage::connected;
    c.record.x3dh.reset();
    save(c);
    event connected;
    connected.kind = event_kind::connected;
    connected.connection = c.id();
    raise(std::move(connected));
}

void engine::remove(request_id request, connection_id id, bool wait_sent) {
    auto* c = usable(request, id);
    if (c == nullptr) return;
    c->record.at = stage::deleting;
    c->record.wait_sent = wait_sent;
    c->retry_after = 0;
    if (!wait_sent) clear_outbox(*c);
    save(*c);
    answer(request);
    pump(*c);
    finish_step();
}

void engine::remove_now(live_connection& c) {
    clear_outbox(c);
    leave_sessions(c);
    erase(table::connections, number_key(c.id()));
    erase(table::progress, number_key(c.id()));
    c.gone = true;
    current_->removed = true;
    event deleted;
    deleted.kind = event_kind::deleted;
    deleted.connection = c.id();
    raise(std::move(deleted));
}

} // namespace plexus::agent
