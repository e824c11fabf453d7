#include "connection.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::smp_server {
namespace {

using smp::error_code;
namespace cmd = smp::cmd;
namespace msg = smp::msg;

bytes session_id_of(const stream& peer) {
    const auto binding = peer.info(PLEXUS_STREAM_CHANNEL_BINDING);
    return binding ? to_bytes(*binding) : bytes{};
}
bool has_alpn(const stream& peer) {
    const auto agreed = peer.info(PLEXUS_STREAM_ALPN);
    return agreed && !agreed->empty();
}

constexpr std::string_view refusal = "ERR AUTH";

/// Whether a service that sends it wants its queues' messages on this connection.
bool subscribes(const smp::command& content) {
    if (const auto* made = std::get_if<cmd::create>(&content)) return made->subscribe;
    return smp::has_service_signature(content) || smp::is_of_service(content);
}

/// What a message in the output weighs.
constexpr std::size_t delivery_weight = smp::block_size;

} // namespace

connection::connection(connection_id id, stream peer, const smp::server_identity& identity,
                       crypto::random_source& random, connection_owner& owner,
                       const connection_limits& limits)
    : id_(id), stream_(std::move(peer)),
      session_(identity, session_id_of(stream_), has_alpn(stream_), random, stream_.peer_chain()),
      owner_(owner), limits_(limits), refusals_(limits.refusals), turn_left_(limits.turn_commands),
      handled_at_(owner.now()), opened_(handled_at_), last_read_(opened_), last_write_(opened_) {}

void connection::start() {
    static constexpr plexus_stream_handler handler{
        [](void* context) { static_cast<connection*>(context)->readable(); },
        [](void* context) { static_cast<connection*>(context)->writable(); }};
    stream_.set_handler(&handler, this);
    write_hello();
    flush();
    if (is_open()) read();
}

void connection::close(std::string_view why) {
    if (!is_open()) return;
    stream_ = stream();
    if (service_) {
        in_flight_ -= service_->waiting.size();
        service_->waiting.clear();
        for (const auto& next : std::exchange(service_->room, {})) next(false);
    }
    in_.reset();
    out_.reset();
    deliveries_.clear();
    delayed_.clear();
    responses_.clear();
    owner_.closed(*this, why);
}

void connection::write_hello() {
    out_ = owner_.blocks().take();
    out_written_ = 0;
    if (!session_.write_hello(*out_)) close("the server's own chain of certificates is too long");
}

// ---- reading

void connection::readable() {
    last_read_ = owner_.now();
    read();
}

void connection::read() {
    if (reading_) return;
    reading_ = true;
    read_more_ = false;
    std::size_t fragments = 0;
    while (is_open() && !in_ready_ && !close_after_write_ &&
           session_.current() != smp::server_session::state::service) {
        if (paused() || fragments == limits_.turn_fragments) {
            read_more_ = true;
            break;
        }
        if (!in_) {
            in_ = owner_.blocks().take();
            in_size_ = 0;
        }
        const auto taken = stream_.try_read(bytes_span(*in_).subspan(in_size_));
        if (!taken) {
            if (in_size_ == 0) in_.reset();
            if (!taken.error().is(status::would_block)) close(taken.error().message());
            break;
        }
        in_size_ += *taken;
        if (in_size_ < smp::block_size)
            ++fragments;
        else if (process_block())
            process_requests();
    }
    reading_ = false;
    if (is_open()) owner_.to_flush(*this);
}

/// True if the block holds requests.
bool connection::process_block() {
    const bool hello = session_.current() == smp::server_session::state::hello;
    const auto received = session_.receive(*in_);
    in_size_ = 0;
    const bool service = session_.current() == smp::server_session::state::service;
    if (received && !service) {
        in_ready_ = !hello;
        block_begun_ = false;
        if (hello) in_.reset();
        return !hello;
    }
    in_.reset();
    if (!hello) {
        if (turn_left_ > 0) --turn_left_; // it costs what a command does
        bytes content;
        encoding::writer writer(content);
        smp::write(writer, msg::err{smp::make_server_error(error_code::block)}, session_.agreed_version());
        respond({}, {}, content);
    } else if (service) {
        service_ = std::make_unique<service_client>();
        owner_.admit(*this, *session_.offered_service(), stream_.peer_chain());
    } else if (received.error().is(smp::failure::bad_service)) {
        service_ = std::make_unique<service_client>();
        admitted(nullptr);
    } else {
        close(received.error().message());
    }
    return false;
}

// ---- services

void connection::admitted(const service_ptr& who) {
    if (!is_open()) return;
    service_->who = who;
    service_->answer_due = true;
    if (!who) owner_.misbehaves(log_kind::service, "a client's service is refused");
    flush();
    if (is_open()) read();
}

void connection::write_service_answer() {
    service_->answer_due = false;
    if (service_->who) {
        session_.accept_service(service_->who->id, *out_);
        return;
    }
    session_.write_service_refusal(*out_);
    close_after_write_ = true;
}

/// Commands of a service that subscribe wait until its messages come to this connection, on every shard.
void connection::submit_of_service(const request& out) {
    using attachment = service_client::attachment;
    if (service_->attached == attachment::done || !subscribes(*out.content)) {
        pass_on(out);
        return;
    }
    service_->waiting.push_back(std::make_shared<const owned_request>(out));
    if (service_->attached == attachment::under_way) return;
    service_->attached = attachment::under_way;
    owner_.attach_service(*this, service_->who);
}

void connection::pass_on(const request& out) {
    if (smp::is_of_service(*out.content))
        owner_.subscribe_service(*out.from, out.service);
    else
        owner_.submit(out);
}

void connection::attached() {
    if (!is_open()) return;
    service_->attached = service_client::attachment::done;
    for (const auto& each : std::exchange(service_->waiting, {})) pass_on(each->view());
    owner_.to_flush(*this);
}

void connection::service_ended() {
    if (service_->attached == service_client::attachment::done)
        service_->attached = service_client::attachment::none;
}

void connection::when_room(std::function<void(bool)> next) {
    if (!is_open() || !service_)
        next(false);
    else if (waiting_output() < limits_.pause_output)
        next(true);
    else
        service_->room.push_back(std::move(next));
}

void connection::deliver_end() {
    if (!is_open()) return;
    deliveries_.push_back({});
    owner_.to_flush(*this);
}

// ---- requests

void connection::process_requests() {
    if (processing_) return;
    processing_ = true;
    handled_at_ = owner_.now();
    smp::server_request current;
    while (is_open() && in_ready_ && !paused()) {
        if (!session_.next(current)) {
            in_ready_ = false;
            in_.reset();
            break;
        }
        turn_left_ -= std::min(turn_left_, verify_cost(current.authorization_size));
        if (!std::exchange(block_begun_, true) && !session_.is_last() && !current.refused)
            count_batch(current.content);
        handle(current);
    }
    processing_ = false;
}

bool connection::paused() const noexcept {
    return waiting_output() >= limits_.pause_output || turn_left_ == 0 ||
           in_flight_ >= std::min(limits_.most_in_flight, refusals_.left()) ||
           delayed_.size() >= limits_.most_in_flight || proxied_in_flight_ >= limits_.most_proxied ||
           (service_ && service_->attached == service_client::attachment::under_way);
}

std::size_t connection::waiting_output() const noexcept {
    return responses_.size() - responses_sent_ + deliveries_.size() * delivery_weight;
}

void connection::refuse(const smp::server_request& in, const smp::server_error& why) {
    bytes content;
    encoding::writer writer(content);
    smp::write(writer, msg::err{why}, session_.agreed_version());
    respond(in.correlation_id, in.entity_id, content);
}

/// Commands that need no queue, or that this server does not offer.
bool connection::handle_here(const smp::server_request& in) {
    if (std::holds_alternative<cmd::ping>(in.content)) {
        respond(in.correlation_id, {}, as_bytes("PONG"));
        return true;
    }
    if (std::holds_alternative<cmd::rslv>(in.content)) {
        resolve(in, session_.agreed_version(), 0);
        return true;
    }
    if (const auto* forwarded = std::get_if<cmd::rfwd>(&in.content)) {
        relay(in, *forwarded);
        return true;
    }
    if (std::holds_alternative<cmd::prxy>(in.content) || std::holds_alternative<cmd::pfwd>(in.content)) {
        reply_to from;
        from.connection = id_;
        from.version = session_.agreed_version();
        from.proxied = true;
        from.correlation = short_id(in.correlation_id);
        from.entity = short_id(in.entity_id);
        ++in_flight_;
        ++proxied_in_flight_;
        owner_.proxy(from, in.content);
        return true;
    }
    return false;
}

void connection::resolve(const smp::server_request& in, smp::version version, std::uint64_t relayed) {
    reply_to from;
    from.connection = id_;
    from.version = version;
    from.relayed = relayed;
    from.correlation = short_id(in.correlation_id);
    ++in_flight_;
    owner_.resolve(from, std::get<cmd::rslv>(in.content).name);
}

/// As the official server counts: by the first of several commands in a block.
void connection::count_batch(const smp::command& first) {
    if (std::holds_alternative<cmd::sub>(first)) owner_.count(counted::subscribe_batches);
    if (std::holds_alternative<cmd::del>(first)) owner_.count(counted::delete_batches);
    if (std::holds_alternative<cmd::nsub>(first)) owner_.count(counted::notifier_subscribe_batches);
    if (std::holds_alternative<cmd::ndel>(first)) owner_.count(counted::notifier_delete_batches);
}

void connection::handle(const smp::server_request& in) {
    if (in.refused) {
        refuse(in, *in.refused);
        return;
    }
    if (handle_here(in)) return;
    submit(in, session_.agreed_version(), 0);
}

void connection::submit(const smp::server_request& in, smp::version version, std::uint64_t relayed) {
    reply_to from;
    from.connection = id_;
    from.version = version;
    from.relayed = relayed;
    from.correlation = short_id(in.correlation_id);
    from.entity = short_id(in.entity_id);
    request out;
    out.from = &from;
    out.session_key = session_.session_key();
    out.authorized = in.authorized;
    out.authorization = in.authorization();
    out.body = in.body;
    out.content = &in.content;
    ++in_flight_;
    if (!service_ || relayed != 0) {
        owner_.submit(out);
        return;
    }
    out.service = service_->who;
    submit_of_service(out);
}

/// A sender's command through its proxy.
void connection::relay(const smp::server_request& in, const cmd::rfwd& command) {
    auto opened = session_.open_relayed(in.correlation_id, command.transmission);
    if (!opened) {
        refuse(in, smp::as_server_error(opened.error()));
        return;
    }
    auto& inner = opened->request;
    if (inner.refused) {
        bytes content;
        encoding::writer writer(content);
        smp::write(writer, msg::err{*inner.refused}, opened->route.client_version);
        respond_relayed(opened->route, inner.correlation_id, inner.entity_id, content);
        return;
    }
    const auto number = next_relayed_++;
    const auto version = opened->route.client_version;
    relayed_.emplace(number, std::move(opened->route));
    if (std::holds_alternative<cmd::rslv>(inner.content))
        resolve(inner, version, number);
    else
        submit(inner, version, number);
}

// ---- answers

void connection::answer(const reply_to& to, bytes_view content) {
    if (is_open() && as_text(content) == refusal)
        refused(to);
    else
        answer_now(to, content);
}

void connection::refused(const reply_to& to) {
    if (to.relayed == 0) { // a proxy's other clients are not to wait for one
        const bool enough = refusals_.left() > to.checks;
        refusals_.spend(to.checks);
        if (!enough) owner_.misbehaves(log_kind::refusals, "a client's commands are refused again and again");
    }
    if (limits_.refusal_delay.count() == 0) return answer_now(to, as_bytes(refusal));
    delayed_.push_back({handled_at_ + limits_.refusal_delay, to});
    if (delayed_.size() == 1) owner_.wake_at(*this, delayed_.front().when);
}

void connection::due() {
    const auto now = owner_.now();
    while (!delayed_.empty() && delayed_.front().when <= now) {
        const auto to = delayed_.front().to;
        delayed_.pop_front();
        answer_now(to, as_bytes(refusal));
    }
    if (!delayed_.empty()) owner_.wake_at(*this, delayed_.front().when);
}

void connection::answer_now(const reply_to& to, bytes_view content) {
    if (to.relayed == 0) {
        respond(to.correlation, to.entity, content);
    } else if (const auto route = relayed_.extract(to.relayed)) {
        respond_relayed(route.mapped(), to.correlation, to.entity, content);
    }
}

void connection::respond(bytes_view correlation, bytes_view entity, bytes_view content) {
    if (!is_open()) return;
    session_.write_response(responses_, correlation, entity, content);
    owner_.to_flush(*this);
}

void connection::respond_relayed(const smp::relay_route& route, bytes_view correlation, bytes_view entity,
                                 bytes_view content) {
    const auto sealed = session_.seal_relayed(route, correlation, entity, content);
    bytes out;
    encoding::writer writer(out);
    smp::message answer = msg::err{smp::make_server_error(error_code::block)};
    if (sealed) answer = msg::rres{*sealed};
    smp::write(writer, answer, session_.agreed_version());
    respond(route.correlation_id, {}, out);
}

void connection::deliver(const reply_to& to, const delivery& what) {
    if (!is_open()) return;
    if (!session_.fits_message(to.correlation, to.entity, what.message->id)) {
        respond(to.correlation, to.entity, as_bytes(std::string_view("ERR LARGE_MSG")));
        return;
    }
    deliveries_.push_back({to.correlation, to.entity, what});
    owner_.to_flush(*this);
}

// ---- writing

void connection::writable() {
    writing_blocked_ = false;
    flush();
    if (is_open() && service_) read(); // the answer to its hello may have waited
}

void connection::flush() {
    turn_left_ = limits_.turn_commands;
    while (is_open() && !writing_blocked_) {
        if (!out_ && !fill_block()) break;
        if (!write_block()) break;
    }
    if (!is_open()) return;
    if (waiting_output() > limits_.most_output) {
        owner_.misbehaves(log_kind::slow_client, "a client that does not take what it is sent is closed");
        close("it does not take what it is sent");
        return;
    }
    if (service_ && !service_->room.empty() && waiting_output() < limits_.pause_output)
        for (const auto& next : std::exchange(service_->room, {})) next(true);
    if (in_ready_ && !paused()) {
        process_requests();
        read_more_ = true;
    }
    if (is_open() && read_more_ && !in_ready_ && !paused()) read();
    if (is_open() && in_ready_ && turn_left_ == 0) owner_.to_flush(*this);
}

/// False if the block has no room for the next message.
bool connection::append_delivery(smp::block_builder& to) {
    const auto& next = deliveries_.front();
    if (!next.what.message) {
        bytes end;
        session_.write_response(end, {}, {}, as_bytes(std::string_view("ALLS")));
        if (!to.append(bytes_view(end).subspan(2))) return false;
        deliveries_.pop_front();
        return true;
    }
    smp::received_body body;
    body.seconds = next.what.message->seconds;
    body.quota = next.what.message->quota;
    body.flags = next.what.message->flags;
    body.body = next.what.message->body;
    if (!session_.append_message(to, next.correlation, next.entity, next.what.key, next.what.message->id,
                                 body))
        return false;
    deliveries_.pop_front();
    return true;
}

/// False if there is nothing to send.
bool connection::fill_block() {
    const bool service_answer = service_ && service_->answer_due;
    if (!service_answer && responses_sent_ == responses_.size() && deliveries_.empty()) return false;
    out_ = owner_.blocks().take();
    out_written_ = 0;
    if (service_answer) {
        write_service_answer();
        return true;
    }
    auto builder = session_.begin(*out_);
    auto append_responses = [&] {
        while (responses_sent_ < responses_.size()) {
            encoding::reader in(bytes_view(responses_).subspan(responses_sent_));
            const auto transmission = in.large_bytes();
            if (!builder.append(transmission)) break;
            responses_sent_ += transmission.size() + 2;
        }
    };
    if (!deliveries_.empty() && deliveries_.front().what.to_its_sender) {
        append_delivery(builder); // as official servers do: a block of its own, before the answer to its SEND
    } else {
        append_responses();
        while (!deliveries_.empty() && append_delivery(builder)) {
        }
    }
    if (responses_sent_ == responses_.size()) {
        responses_sent_ = 0;
        responses_ = bytes(); // what a flood leaves allocated here keeps a page of every connection
    }
    session_.seal(builder);
    return true;
}

/// False if the stream takes no more now, or is closed.
bool connection::write_block() {
    while (out_written_ < smp::block_size) {
        const auto given = stream_.try_write(bytes_view(*out_).subspan(out_written_));
        if (!given) {
            if (given.error().is(status::would_block))
                writing_blocked_ = true;
            else
                close(given.error().message());
            return false;
        }
        out_written_ += *given;
        last_write_ = owner_.now();
    }
    out_.reset();
    if (close_after_write_) {
        close("the client's service is refused");
        return false;
    }
    return true;
}

void connection::check_deadlines() {
    if (!is_open()) return;
    const auto now = owner_.now();
    if (session_.current() != smp::server_session::state::ready) {
        if (now - opened_ > limits_.hello) {
            owner_.misbehaves(log_kind::no_hello, "clients that do not say hello in time are closed");
            close("no hello in time");
        }
    } else if (writing_blocked_ && now - last_write_ > limits_.write) {
        owner_.misbehaves(log_kind::slow_client, "a client that does not take what it is sent is closed");
        close("it does not take what it is sent");
    } else if (now - std::max(last_read_, last_write_) > limits_.idle) {
        owner_.idle(*this);
    }
    if (!is_open()) return;
    refusals_.refill(now);
    if ((in_ready_ || read_more_) && !paused()) owner_.to_flush(*this);
}

} // namespace plexus::smp_server
