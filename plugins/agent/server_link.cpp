#include "server_link.hpp"

namespace plexus::agent_plugin {

namespace {

/// The token of PING; the engine's begin at 1.
constexpr std::uint64_t ping_token = 0;

constexpr std::uint32_t https_port = 443;
constexpr std::string_view smp_protocol = "smp/1";
/// Servers on the port of HTTPS tell SMP by the absence of a server name.
constexpr std::string_view web_protocol = "http/1.1";
/// The one user, to whom circuits belong.
constexpr std::string_view profile = "1";

constexpr std::int64_t kilobytes_of_block = smp::block_size / 1024;

bool somebody_waits(const smp::command& what) {
    return std::holds_alternative<smp::cmd::create>(what) || std::holds_alternative<smp::cmd::lkey>(what) ||
           std::holds_alternative<smp::cmd::lget>(what) || std::holds_alternative<smp::cmd::skey>(what);
}

} // namespace

server_link::server_link(link_owner& owner, loop_ref loop, const agent::action::dial& to, host_random& random)
    : owner_(owner), to_(to), random_(random),
      link_(*this, loop, [&owner](int change) { owner.link_pending(change); }) {}

server_link::~server_link() = default;

void server_link::start(const plexus_network* network) {
    std::vector<plexus_view> hosts;
    for (const auto& each : to_.server.hosts) hosts.push_back(to_abi(std::string_view(each.name)));
    plexus_network_server server{};
    server.size = sizeof server;
    if (to_.interactive) server.flags |= PLEXUS_NETWORK_INTERACTIVE;
    server.hosts = hosts.data();
    server.host_count = static_cast<std::uint32_t>(hosts.size());
    server.port = to_.server.port.empty() ? 0 : to_.server.port_number();
    server.default_port = smp::default_port;
    server.web_port = https_port;
    server.alpn = to_abi(smp_protocol);
    server.web_alpn = to_abi(web_protocol);
    server.key_hash = to_abi(bytes_view(to_.server.fingerprint));
    server.profile = to_abi(profile);
    server.entity = to_abi(bytes_view(to_.isolation));
    link_.start(network, server);
}

void server_link::link_connected() {
    const auto& below = link_.below();
    smp::client_parameters parameters;
    parameters.server = to_.server.fingerprint;
    parameters.session_id = to_bytes(below.info(PLEXUS_STREAM_CHANNEL_BINDING).value_or(bytes_view()));
    parameters.peer_chain = below.peer_chain();
    // Without the protocol agreed on a server expects its oldest clients.
    const auto agreed = below.info(PLEXUS_STREAM_ALPN);
    if (!agreed || agreed->empty()) parameters.versions = smp::legacy_versions;
    session_.emplace(std::move(parameters), random_);
    last_heard_ = owner_.now();
}

void server_link::link_received(bytes_span block) {
    last_heard_ = owner_.now();
    pinged_.reset();
    pings_lost_ = 0;
    const auto received = session_->receive(block.first<smp::block_size>());
    if (!received) return link_.end(received.error());
    if (!ready_) {
        ready_ = true;
        link_.greeted();
        return owner_.link_ready(to_.session, session_->agreed_version());
    }
    while (const auto event = session_->next()) {
        if (event->matched) answered(event->token);
        if (event->matched && event->token == ping_token) continue;
        owner_.link_event(to_.session, *event);
        if (link_.is_ended()) return;
    }
}

bool server_link::link_fill(bytes_span block) {
    return session_->has_output() && session_->next_block(block.first<smp::block_size>());
}

result<void> server_link::send(const agent::action::command& command) {
    if (!ready_ || link_.is_ended())
        return make_error(agent::failure::network, "the session has ended", true);
    const auto* key = command.key ? &*command.key : nullptr;
    if (command.correlation_id) {
        PLEXUS_CHECK(
            session_->send(*command.correlation_id, command.value, command.entity_id, key, command.token));
    } else {
        PLEXUS_CHECK(session_->send(command.value, command.entity_id, key, command.token));
    }
    const auto now = owner_.now();
    // What waits in a line with others takes longer than the way there and back.
    if (waited_for_.empty() && others_.empty()) measured_.emplace(command.token, now);
    (somebody_waits(command.value) ? waited_for_ : others_).emplace(command.token, now);
    return {};
}

void server_link::answered(std::uint64_t token) {
    waited_for_.erase(token);
    others_.erase(token);
    if (!measured_ || measured_->first != token) return;
    link_.answered(owner_.now() - measured_->second);
    measured_.reset();
}

// ---- time

server_link::nanoseconds server_link::patience(bool interactive) const {
    const auto& terms = link_.agreed();
    return (interactive ? terms.response_interactive : terms.response) +
           terms.per_kilobyte * kilobytes_of_block;
}

/// A server that is still answering others of our commands is slow, not gone.
std::optional<server_link::nanoseconds> server_link::due(const commands& of, bool interactive) const {
    if (of.empty()) return std::nullopt;
    return std::max(of.begin()->second, last_heard_) + patience(interactive);
}

std::optional<server_link::nanoseconds> server_link::deadline() const {
    if (link_.is_ended()) return std::nullopt;
    if (!ready_) return link_.deadline();
    std::optional<nanoseconds> out;
    const auto consider = [&](std::optional<nanoseconds> at) {
        if (at) out = std::min(out.value_or(*at), *at);
    };
    consider(due(waited_for_, true));
    consider(due(others_, false));
    if (pinged_)
        consider(*pinged_ + (link_.agreed().ping_count != 0
                                 ? patience(false)
                                 : std::max(patience(false), link_.agreed().ping_interval)));
    else if (const auto interval = link_.agreed().ping_interval; interval.count() > 0)
        consider(last_heard_ + interval);
    return out;
}

void server_link::check_time() {
    const auto at = deadline();
    const auto now = owner_.now();
    if (!at || now < *at) return;
    if (!ready_) return link_.check_time();
    const auto overdue = [now](std::optional<nanoseconds> when) { return when && *when <= now; };
    bool gone = overdue(due(waited_for_, true)) || overdue(due(others_, false));
    if (pinged_) {
        const auto most = link_.agreed().ping_count;
        gone = gone || (most != 0 && ++pings_lost_ >= most);
    }
    if (gone) return link_.end(make_error(status::timeout, "the server does not answer", true));
    ping();
}

void server_link::ping() {
    const auto now = owner_.now();
    if (session_->send(smp::cmd::ping{}, {}, nullptr, ping_token)) {
        pinged_ = now;
        if (waited_for_.empty() && others_.empty()) measured_.emplace(ping_token, now);
    }
    flush();
}

} // namespace plexus::agent_plugin
