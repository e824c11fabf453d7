#include "plexus/net/base_stream.hpp"

namespace plexus::net {

const plexus_stream_api base_stream::table = {
    sizeof(plexus_stream_api),
    0,
    [](plexus_stream* raw, const plexus_stream_handler* handler, void* context) {
        of(raw).set_handler(handler, context);
    },
    [](plexus_stream* raw, plexus_span out, std::uint64_t* taken) { return of(raw).try_read(out, taken); },
    [](plexus_stream* raw, plexus_view in, std::uint64_t* given) { return of(raw).try_write(in, given); },
    [](plexus_stream* raw) { of(raw).shutdown(); },
    [](plexus_stream* raw) { delete &of(raw); },
    [](plexus_stream* raw, std::uint32_t what, std::uint32_t index, plexus_view* value) {
        std::int32_t code = PLEXUS_E_MEMORY;
        guard(nullptr, [&]() -> result<void> {
            code = of(raw).info(what, index, *value);
            return {};
        });
        return code;
    },
    [](plexus_stream* raw, std::int32_t* out) { return of(raw).release(*out); },
    [](plexus_stream* raw) -> const plexus_error* {
        const auto& failure = of(raw).failure_;
        return failure ? &failure->lent : nullptr;
    },
};

base_stream::base_stream(account& owner, std::unique_ptr<carrier> below, std::string peer)
    : plexus_stream{&table}, owner_(&owner), below_(std::move(below)), peer_(std::move(peer)) {}

base_stream::~base_stream() {
    if (gone_ != nullptr) *gone_ = true;
    if (open_ && owner_ != nullptr) owner_->streams_open.add(-1);
}

void base_stream::open() {
    open_ = true;
    owner_->streams_open.add(1);
    owner_->members().add(*this);
    below_->set_sink(this);
    below_->want(0);
}

void base_stream::cut() {
    owner_->streams_open.add(-1);
    owner_ = nullptr;
    fail(make_error(status::stopping, "the connection with " + peer_ + " is closed: the transport stops"));
    below_.reset();
}

std::int32_t base_stream::status_of_failure() const noexcept { return failure_->reason.code(); }

std::int32_t base_stream::fail(error reason) {
    if (failure_) return status_of_failure();
    failure_ = std::make_unique<broken>(broken{std::move(reason)});
    failure_->lent = lend(failure_->reason);
    update_interest();
    return status_of_failure();
}

std::int32_t base_stream::fail_below(std::string_view doing) {
    return fail(make_error(status::io,
                           "the connection with " + peer_ + " broke while " + std::string(doing) + ": " +
                               below_->reason(),
                           true));
}

plexus_view base_stream::keep(std::uint32_t what, std::uint32_t index, bytes value) {
    if (!infos_) infos_ = std::make_unique<std::list<kept_info>>();
    infos_->push_back(kept_info{what, index, std::move(value)});
    return to_abi(bytes_view(infos_->back().value));
}

std::int32_t base_stream::info(std::uint32_t what, std::uint32_t index, plexus_view& value) {
    if (what == PLEXUS_STREAM_PEER && index == 0) {
        value = to_abi(std::string_view(peer_));
        return PLEXUS_OK;
    }
    if (!infos_) return PLEXUS_E_NOT_FOUND;
    for (const auto& one : *infos_) {
        if (one.what != what || one.index != index) continue;
        value = to_abi(bytes_view(one.value));
        return PLEXUS_OK;
    }
    return PLEXUS_E_NOT_FOUND;
}

void base_stream::set_handler(const plexus_stream_handler* handler, void* context) {
    handler_ = handler;
    context_ = context;
    update_interest();
}

void base_stream::update_interest() {
    if (!below_) return;
    if (failure_) { // who waits has to hear of it
        const bool awaited = handler_ != nullptr && (waits_read_ || waits_write_);
        return below_->want(awaited ? PLEXUS_READABLE | PLEXUS_WRITABLE : 0U);
    }
    std::uint32_t events = ending_ ? static_cast<std::uint32_t>(PLEXUS_WRITABLE) : 0U;
    if (handler_ != nullptr && waits_read_) events |= read_needs_;
    if (handler_ != nullptr && waits_write_) events |= write_needs_;
    below_->want(events);
}

std::int32_t base_stream::try_read(plexus_span out, std::uint64_t* taken) {
    if (failure_) return status_of_failure();
    if (out.size == 0) return PLEXUS_E_INVALID;
    std::size_t count = 0;
    const std::int32_t code = read({out.data, static_cast<std::size_t>(out.size)}, count);
    if (code == PLEXUS_OK) *taken = count;
    waits_read_ = code == PLEXUS_E_WOULD_BLOCK;
    if (waits_read_) update_interest();
    return code;
}

std::int32_t base_stream::try_write(plexus_view in, std::uint64_t* given) {
    if (failure_) return status_of_failure();
    if (ended_) return PLEXUS_E_CLOSED;
    if (in.size == 0) return PLEXUS_E_INVALID;
    std::size_t count = 0;
    const std::int32_t code = write(from_abi(in), count);
    if (code == PLEXUS_OK) *given = count;
    waits_write_ = code == PLEXUS_E_WOULD_BLOCK;
    if (waits_write_) update_interest();
    return code;
}

void base_stream::shutdown() {
    if (ended_ || failure_) return;
    ended_ = true;
    waits_write_ = false;
    ending_ = !end();
    update_interest();
}

void base_stream::ready(std::uint32_t events) {
    bool gone = false;
    gone_ = &gone;
    if (ending_ && (events & PLEXUS_WRITABLE) != 0) ending_ = !failure_ && !end();
    if (waits_read_ && handler_ != nullptr && ((events & read_needs_) != 0 || failure_) && check_readable()) {
        waits_read_ = false;
        handler_->readable(context_);
        if (gone) return;
    }
    if (waits_write_ && handler_ != nullptr && ((events & write_needs_) != 0 || failure_)) {
        waits_write_ = false;
        handler_->writable(context_);
        if (gone) return;
    }
    gone_ = nullptr;
    update_interest();
}

} // namespace plexus::net
