#include "connection.hpp"

namespace plexus::smp_web {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t header_most = 8'192;
constexpr std::chrono::nanoseconds request_time =
    std::chrono::seconds(15); ///< for a whole request, idle or not
constexpr std::chrono::nanoseconds answer_time = std::chrono::seconds(30); ///< until an answer is taken

} // namespace

connection::connection(loop_ref loop, stream peer, request_handler handler,
                       std::function<void(connection&)> closed)
    : loop_(loop), stream_(std::move(peer)), handler_(std::move(handler)), closed_(std::move(closed)),
      deadline_(loop, [this] { close(); }) {}

void connection::start() {
    static constexpr plexus_stream_handler handler{
        [](void* context) { static_cast<connection*>(context)->readable(); },
        [](void* context) { static_cast<connection*>(context)->write(); }};
    stream_.set_handler(&handler, this);
    begin_request();
    read();
}

void connection::close() {
    if (!stream_) return;
    const auto kept = shared_from_this();
    deadline_.disarm();
    stream_ = stream();
    closed_(*this);
}

void connection::begin_request() {
    parser_.emplace();
    parser_->header_limit(header_most);
    parser_->body_limit(0);
    deadline_.arm(request_time);
}

void connection::readable() { read(); }

void connection::read() {
    const auto kept = shared_from_this();
    while (stream_ && !answering_) {
        if (!in_.empty() && parse()) continue;
        if (!stream_ || answering_) return;
        std::array<std::uint8_t, 2'048> buffer{};
        const auto taken = stream_.try_read(buffer);
        if (!taken) {
            if (!taken.error().is(status::would_block)) close();
            return;
        }
        in_.append(as_text(bytes_view(buffer).first(*taken)));
    }
}

/// True if it took something of in_.
bool connection::parse() {
    boost::beast::error_code failure;
    const auto used = parser_->put(boost::asio::buffer(in_), failure);
    in_.erase(0, used);
    if (failure == http::error::need_more && in_.size() < header_most) return used != 0;
    if (failure) {
        keep_alive_ = false;
        with_body_ = true;
        answering_ = true;
        const bool too_large = failure == http::error::header_limit || failure == http::error::need_more;
        answer(error_page(too_large ? 431 : 400));
        return true;
    }
    if (parser_->is_done()) handle();
    return true;
}

void connection::handle() {
    const auto& request = parser_->get();
    const bool get = request.method() == http::verb::get;
    keep_alive_ = request.keep_alive();
    with_body_ = request.method() != http::verb::head;
    answering_ = true;
    deadline_.arm(answer_time);
    if (!get && with_body_) {
        keep_alive_ = false;
        answer(error_page(405));
        return;
    }
    handler_(std::string(request.target()), [weak = weak_from_this()](const page& found) {
        if (const auto self = weak.lock()) self->answer(found);
    });
}

void connection::answer(const page& found) {
    if (!stream_) return;
    out_ = http_response(found, with_body_, keep_alive_);
    written_ = 0;
    write();
}

void connection::write() {
    const auto kept = shared_from_this();
    while (stream_ && written_ < out_.size()) {
        const auto given = stream_.try_write(as_bytes(out_).subspan(written_));
        if (!given) {
            if (!given.error().is(status::would_block)) close();
            return;
        }
        written_ += *given;
    }
    if (!stream_ || !answering_) return;
    out_.clear();
    if (!keep_alive_) {
        close();
        return;
    }
    answering_ = false;
    begin_request();
    // From the loop, so that a client with many requests at once makes no deep call.
    loop_.post(static_cast<std::uint32_t>(loop_.current_shard()), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->read();
    });
}

} // namespace plexus::smp_web
