// Making queues: of a new invitation, with its link, and of a joiner for the answers.
#include "engine_state.hpp"
#include "plexus/agent/engine.hpp"
#include "plexus/agent/link_data.hpp"
#include "plexus/crypto/hash.hpp"

namespace plexus::agent {

namespace {

/// smp "ERR AUTH" to NEW means a wrong or missing password.
error refusal(const smp::server_error& cause) {
    if (cause.code == smp::error_code::auth)
        return make_error(failure::refused,
                          "the server makes queues for those with its password only; write it "
                          "into the server's address, as smp://FINGERPRINT:PASSWORD@HOST");
    return server_refusal("NEW", cause);
}

} // namespace

/// One of our servers, by preference not that of the peer.
std::size_t engine::choose_server(const server_address* avoid) {
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < settings_.servers.size(); ++i)
        if (avoid == nullptr || settings_.servers[i].hosts.front() != avoid->hosts.front())
            candidates.push_back(i);
    const auto random = random_.array<2>();
    const auto number = static_cast<std::size_t>(random[0] << 8 | random[1]);
    if (candidates.empty()) return number % settings_.servers.size();
    return candidates[number % candidates.size()];
}

void engine::create(request_id request, bool short_link, bytes user_data) {
    if (settings_.servers.empty()) {
        refuse(request, make_error(failure::state, no_servers));
        return finish_step();
    }
    auto p = std::make_unique<pending_create>();
    p->request = request;
    p->connection = next_number(next_connection_, connection_limit_, 1);
    p->short_link = short_link;
    p->user_data = std::move(user_data);
    p->server = choose_server(nullptr);
    auto& s = session_for(settings_.servers[p->server], p->connection);
    // Somebody is waiting for the link.
    s.retry_at = std::min(s.retry_at, now_);
    send_create(s, std::move(p));
    finish_step();
}

void engine::send_create(session& s, std::unique_ptr<pending_create> p) {
    if (!s.up()) {
        s.creates.push_back(std::move(p));
        open(s);
        return;
    }
    const bool creator = p->request != 0;
    const auto& server = settings_.servers[p->server];
    p->key = crypto::private_key::generate(crypto::key_type::ed25519, random_);
    p->body_dh = crypto::private_key::generate(crypto::key_type::x25519, random_);
    p->dh = crypto::private_key::generate(crypto::key_type::x25519, random_);

    smp::cmd::create command;
    command.key = p->key.public_part();
    command.dh_key = p->body_dh.public_part();
    command.mode = queue_mode::messaging;
    std::vector<bytes> lent;
    lent.reserve(4);
    if (!server.password.empty()) command.password = lent.emplace_back(to_bytes(server.password));

    std::optional<std::array<std::uint8_t, 24>> correlation_id;
    if (creator) {
        p->x3dh = crypto::x3dh_keys::generate(random_);
        queue_uri queue{client_versions, {server, {}, p->dh.public_part(), queue_mode::messaging}};
        queue.address.server.password.clear();
        p->request_data.agent_versions = agent_versions;
        p->request_data.e2e = p->x3dh->params({crypto::ratchet_version_min, crypto::ratchet_version_max});

        if (p->short_link && s.version >= smp::since::short_links) {
            // The link's data names the sender id, so it must be known before the queue is.
            correlation_id = random_.array<24>();
            const auto sender_id = crypto::id_from_correlation_id(*correlation_id);
            p->sender_id.assign(sender_id.begin(), sender_id.end());
            queue.address.sender_id = p->sender_id;
            p->request_data.queues = {queue};

            const auto root = crypto::private_key::generate(crypto::key_type::ed25519, random_);
            fixed_link_data fixed;
            fixed.agent_versions = agent_versions;
            fixed.root_key = root.public_part();
            fixed.request = p->request_data;
            const auto encoded = encode(fixed);
            p->link_key = link_key(encoded);
            user_link_data user;
            user.agent_versions = agent_versions;
            user.user_data = p->user_data;
            const auto key = invitation_data_key(p->link_key);
            auto sealed_fixed =
                seal_fixed_link_data(key, crypto::random_nonce(random_), sign_link_data(root, encoded));
            auto sealed_user =
                seal_user_link_data(key, crypto::random_nonce(random_), sign_link_data(root, encode(user)));
            if (!sealed_fixed || !sealed_user) {
                refuse(p->request, make_error(failure::too_large, "the data of the short link is too large"));
                return;
            }
            smp::cmd::create::link link;
            link.sender_id = lent.emplace_back(p->sender_id);
            link.data.fixed = lent.emplace_back(std::move(*sealed_fixed));
            link.data.user = lent.emplace_back(std::move(*sealed_user));
            command.data = link;
        } else {
            p->request_data.queues = {queue};
        }
    }
    operation what;
    what.what = creator ? operation::kind::create : operation::kind::create_reply;
    what.connection = p->connection;
    auto key = p->key;
    what.create = std::move(p);
    issue(s, std::move(what), {}, &key, command, std::move(lent), correlation_id);
}

result<receive_queue> engine::make_receive_queue(const pending_create& p, const smp::msg::ids& ids) {
    receive_queue queue;
    queue.server = settings_.servers[p.server];
    queue.server.password.clear();
    queue.recipient_id = to_bytes(ids.recipient_id);
    queue.sender_id = to_bytes(ids.sender_id);
    queue.key = p.key;
    PLEXUS_TRY(queue.body, queue_secret::agree(p.body_dh, ids.dh_key));
    queue.dh = p.dh;
    queue.mode = ids.mode;
    queue.client_version = client_versions.max;
    return queue;
}

void engine::created(std::unique_ptr<pending_create> p, const smp::message& response) {
    const auto* ids = std::get_if<smp::msg::ids>(&response);
    auto finished =
        ids != nullptr ? finish_creation(*p, *ids) : result<void>(make_error(failure::refused, ""));
    if (finished) return;
    const auto* refused = error_of(response);
    operation what;
    what.what = operation::kind::create;
    what.create = std::move(p);
    failed_operation(what,
                     ids != nullptr       ? finished.error()
                     : refused != nullptr ? refusal(*refused)
                                          : make_error(failure::refused, "an unexpected answer to NEW"),
                     false);
}

result<void> engine::finish_creation(const pending_create& p, const smp::msg::ids& ids) {
    const auto unexpected = [](std::string_view what) {
        return make_error(failure::refused, "the server made a queue with " + std::string(what));
    };
    const bool with_link = !p.link_key.empty();
    if (with_link && !equal(ids.sender_id, p.sender_id))
        return unexpected("another sender id than asked for");
    if (with_link && !ids.link_id) return unexpected("no link id");

    connection record;
    record.id = p.connection;
    record.creator = true;
    record.at = stage::awaiting_confirmation;
    record.agent_version = agent_versions.max;
    record.x3dh = p.x3dh;
    PLEXUS_TRY(record.receive, make_receive_queue(p, ids));

    action::reply reply;
    reply.request = p.request;
    reply.connection = p.connection;
    auto request = p.request_data;
    request.queues.front().address = record.receive->address();
    reply.text = to_text(request);
    if (with_link) {
        short_link link;
        link.server = record.receive->server;
        link.link_id = to_bytes(*ids.link_id);
        link.link_key = p.link_key;
        reply.text2 = to_text(link);
    }
    auto& c = add(std::move(record));
    c.subscribed = true; // NEW subscribes
    save(c);
    answer(std::move(reply));
    pump(c);
    return {};
}

} // namespace plexus::agent
