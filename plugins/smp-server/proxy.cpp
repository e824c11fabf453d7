#include "proxy.hpp"

#include "plexus/encoding/writer.hpp"

namespace plexus::smp_server {
namespace {

using smp::broker_error;
using smp::transport_error;
namespace msg = smp::msg;

/// What destinations are made known to be, whatever they are: a newer version would tell clients apart. As
/// with official servers it ends where names begin, which clients ask for through a proxy.
constexpr smp::version_range shown_versions{smp::since::proxy, smp::since::names};
/// Of all that waits, what may wait for one destination.
constexpr std::size_t share_of_one = 4;
/// A destination that takes longer makes way for others when there are too many attempts.
constexpr std::chrono::nanoseconds patience = std::chrono::seconds(3);

bytes name_of(const smp::server_address& server) {
    bytes out;
    encoding::writer writer(out);
    write(writer, server);
    return out;
}

/// Whether a response with that content fits into a block.
bool fits(const reply_to& to, const smp::message& content) {
    bytes encoded;
    encoding::writer writer(encoded);
    smp::write(writer, content, to.version);
    return smp::fits_block(3 + to.correlation.view().size() + to.entity.view().size() + encoded.size());
}

} // namespace

smp::server_error proxy_busy() { return broker_failure(broker_error::timeout); }

void proxy::answer(const reply_to& to, const smp::message& content) {
    if (closed_) return;
    if (fits(to, content))
        outputs_.proxy_answer(to, content);
    else
        outputs_.proxy_answer(to, msg::err{transport_failure(transport_error::large_message)});
}

// ---- what is counted, as the official server does

bool proxy::is_own(const smp::server_address& server) const {
    for (const auto& host : server.hosts)
        for (const auto& domain : limits_.own_domains) {
            const bool ends = host.name.size() >= domain.size() &&
                              std::equal(domain.rbegin(), domain.rend(), host.name.rbegin());
            if (ends &&
                (host.name.size() == domain.size() || host.name[host.name.size() - domain.size() - 1] == '.'))
                return true;
        }
    return false;
}

namespace {

/// The counts of one kind stand in a row: requests, successes, errors of connecting, of versions, others.
counted after(counted first, std::size_t steps) {
    return static_cast<counted>(static_cast<std::size_t>(first) + steps);
}

std::size_t kind_of(const smp::server_error& why) {
    const bool broker = why.code == smp::error_code::proxy && why.proxy == smp::proxy_error::broker;
    const bool version =
        broker && why.broker == broker_error::transport && why.transport == transport_error::version;
    const bool unreachable =
        broker && (why.broker == broker_error::network || why.broker == broker_error::timeout);
    return version ? 3 : unreachable ? 2 : 4;
}

} // namespace

void proxy::count_key(const smp::server_address& server, const smp::server_error* failed) {
    const std::size_t what = failed == nullptr ? 1 : kind_of(*failed);
    for (const auto first : {counted::relay_requests, counted::own_relay_requests}) {
        if (first == counted::own_relay_requests && !is_own(server)) continue;
        outputs_.proxy_counted(first);
        outputs_.proxy_counted(after(first, what));
    }
}

/// An error of the relay itself is a success: the command was forwarded.
void proxy::count_forwarded(bool own, const smp::message& content) {
    const auto* failed = std::get_if<msg::err>(&content);
    const bool no_session = failed != nullptr && failed->error.code == smp::error_code::proxy &&
                            failed->error.proxied == 0 && failed->error.proxy == smp::proxy_error::no_session;
    const std::size_t what = failed == nullptr || failed->error.proxied > 0 ? 1
                             : no_session                                   ? 2
                             : kind_of(failed->error) == 3                  ? 3
                                                                            : 4;
    for (const auto first : {counted::forward_requests, counted::own_forward_requests}) {
        if (first == counted::own_forward_requests && !own) continue;
        outputs_.proxy_counted(first);
        outputs_.proxy_counted(after(first, what));
    }
}

void proxy::refuse(const reply_to& to, const smp::server_address& server, const smp::server_error& why) {
    count_key(server, &why);
    fail(to, why);
}

// ---- PRXY

void proxy::connect(const reply_to& to, const smp::server_address& server) {
    if (closed_) return;
    auto name = name_of(server);
    const auto found = destinations_.find(name);
    if (found == destinations_.end()) return dial(to, std::move(name), server);
    auto& known = found->second;
    if (known.link == nullptr) {
        if (relay_now() - known.failed_at < limits_.retry) return refuse(to, server, known.failure);
        destinations_.erase(found);
        return dial(to, std::move(name), server);
    }
    if (known.link->is_ready()) {
        known.link->touch();
        return answer_key(to, known);
    }
    if (waiting_ >= limits_.waiting || known.waiting.size() >= limits_.waiting / share_of_one)
        return refuse(to, server, proxy_busy());
    ++waiting_;
    known.waiting.push_back(to);
}

void proxy::dial(const reply_to& to, bytes name, const smp::server_address& server) {
    if (network_ == nullptr) return refuse(to, server, broker_failure(broker_error::host));
    ended_.clear(); // of earlier attempts: a flood of failures is not to pile them up until check_time
    if (waiting_ >= limits_.waiting || !make_way() || !make_room()) return refuse(to, server, proxy_busy());
    auto& made = destinations_[std::move(name)];
    made.server = server;
    made.waiting.push_back(to);
    ++waiting_;
    ++connecting_;
    made.link = std::make_unique<relay_link>(*this, loop_, server, limits_.times, random_);
    made.link->start(network_, !limits_.allow_private);
}

/// Gives up the attempt that takes longest, if a healthy destination would have answered by now.
bool proxy::make_way() {
    if (connecting_ < limits_.dialing) return true;
    relay_link* slowest = nullptr;
    for (const auto& [name, each] : destinations_) {
        const bool dialed = each.link != nullptr && !each.link->is_ready();
        if (dialed && (slowest == nullptr || each.link->begun() < slowest->begun()))
            slowest = each.link.get();
    }
    if (slowest == nullptr || relay_now() - slowest->begun() < patience) return false;
    slowest->end(broker_failure(broker_error::timeout), "it takes long, and others wait");
    return true;
}

/// Forgets a failure, the oldest, or else ends a session that nobody waits for.
bool proxy::make_room() {
    if (destinations_.size() < limits_.destinations) return true;
    auto oldest = destinations_.end();
    for (auto each = destinations_.begin(); each != destinations_.end(); ++each) {
        const bool older = oldest == destinations_.end() || each->second.failed_at < oldest->second.failed_at;
        if (each->second.link == nullptr && older) oldest = each;
    }
    if (oldest != destinations_.end()) {
        destinations_.erase(oldest);
        return true;
    }
    for (auto& [name, each] : destinations_)
        if (each.link->is_ready() && each.link->waiting() == 0) {
            const auto kept = name;
            each.link->end(broker_failure(broker_error::network), "its place is needed");
            destinations_.erase(kept);
            return true;
        }
    return false;
}

void proxy::answer_key(const reply_to& to, const destination& found) {
    const auto& session = found.link->session();
    const auto& offered = session.server_versions();
    const smp::version_range shown{std::max(offered.min, shown_versions.min),
                                   std::min(offered.max, shown_versions.max)};
    if (shown.min > shown.max) return refuse(to, found.server, transport_failure(transport_error::version));
    count_key(found.server, nullptr);
    msg::pkey key;
    key.session_id = session.session_id();
    key.versions = shown;
    key.key = session.server_certificate();
    answer(to, key);
}

void proxy::forward(const relay_command& command) {
    if (closed_) return;
    const auto found = sessions_.find(to_bytes(command.from.entity.view()));
    if (found == sessions_.end()) {
        auto none = smp::make_server_error(smp::error_code::proxy);
        none.proxy = smp::proxy_error::no_session;
        count_forwarded(false, msg::err{none});
        return fail(command.from, none);
    }
    auto own = command;
    own.from.own_relay = is_own(found->second->server());
    if (waiting_ >= limits_.waiting || found->second->waiting() >= limits_.waiting / share_of_one) {
        count_forwarded(own.from.own_relay, msg::err{proxy_busy()});
        return fail(command.from, proxy_busy());
    }
    ++waiting_;
    found->second->forward(own);
}

proxy::destinations::iterator proxy::owner_of_link(const relay_link& link) {
    return std::find_if(destinations_.begin(), destinations_.end(),
                        [&link](const auto& each) { return each.second.link.get() == &link; });
}

void proxy::relay_ready(relay_link& link) {
    const auto found = owner_of_link(link);
    auto& known = found->second;
    --connecting_;
    known.session_id = to_bytes(link.session().session_id());
    sessions_[known.session_id] = &link;
    outputs_.session_opened(known.session_id);
    for (const auto& each : std::exchange(known.waiting, {})) {
        --waiting_;
        answer_key(each, known);
    }
}

void proxy::relay_ended(relay_link& link, const smp::server_error& why, std::string_view cause) {
    const auto found = owner_of_link(link);
    auto& known = found->second;
    const bool was_ready = !known.session_id.empty();
    if (was_ready) {
        sessions_.erase(known.session_id);
        outputs_.session_closed(known.session_id);
    }
    ended_.push_back(std::move(known.link));
    for (const auto& each : std::exchange(known.waiting, {})) {
        --waiting_;
        refuse(each, known.server, why);
    }
    if (was_ready) { // it was fine: the next client dials it at once
        destinations_.erase(found);
        return;
    }
    --connecting_;
    outputs_.destination_failed(smp::to_public_text(known.server), cause);
    known.failure = why;
    known.failed_at = relay_now();
}

void proxy::relay_answered(const reply_to& to, const smp::message& content) {
    --waiting_;
    count_forwarded(to.own_relay, content);
    answer(to, content);
}

void proxy::check_time() {
    ended_.clear();
    std::vector<relay_link*> links;
    const auto now = relay_now();
    for (auto each = destinations_.begin(); each != destinations_.end();) {
        const bool forget = each->second.link == nullptr && now - each->second.failed_at >= limits_.retry;
        if (each->second.link != nullptr) links.push_back(each->second.link.get());
        each = forget ? destinations_.erase(each) : std::next(each);
    }
    for (auto* link : links) link->check_time();
}

void proxy::shed() {
    std::vector<relay_link*> links;
    for (const auto& [id, link] : sessions_)
        if (link->waiting() == 0) links.push_back(link);
    for (auto* link : links) link->end(broker_failure(broker_error::network), "memory is short");
}

void proxy::close() {
    closed_ = true;
    sessions_.clear();
    destinations_.clear();
    ended_.clear();
}

} // namespace plexus::smp_server
