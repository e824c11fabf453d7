#include "plexus/net/tcp_dial.hpp"

#include "plexus/net/public_address.hpp"
#include "plexus/net/socket.hpp"

#include <algorithm>
#include <array>

namespace plexus::net {

namespace {

constexpr auto stagger_delay = std::chrono::milliseconds(250); // before the next address is tried, too
constexpr std::size_t addresses_most = 12;

/// IPv6 and IPv4 in turn, each in the resolver's order, beginning with the resolver's first.
std::vector<plexus_address> in_turn(const plexus_address* found, std::uint32_t count) {
    std::array<std::vector<plexus_address>, 2> families;
    for (std::uint32_t i = 0; i < count; ++i)
        families[found[i].family == found[0].family ? 0 : 1].push_back(found[i]);
    std::vector<plexus_address> out;
    for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i)
        for (const auto& family : families)
            if (i < family.size() && out.size() < addresses_most) out.push_back(family[i]);
    return out;
}

} // namespace

/// A TCP connection under way to one address.
class tcp_dial::attempt final : carrier::sink {
  public:
    attempt(tcp_dial& owner, const plexus_address& address, descriptor socket)
        : owner_(owner), address_(address),
          socket_(std::make_unique<socket_carrier>(owner.owner_.loop, std::move(socket))) {
        socket_->set_sink(this);
        socket_->want(PLEXUS_WRITABLE);
    }
    void ready(std::uint32_t) override {
        const int number = outcome_of_connect(socket_->get());
        tcp_dial& owner = owner_; // this ends in either case
        owner.guarded([&] {
            if (number == 0)
                owner.attempt_won(*this);
            else
                owner.attempt_failed(*this, number);
        });
    }
    const plexus_address& address() const noexcept { return address_; }
    std::unique_ptr<socket_carrier> take() noexcept { return std::move(socket_); }

  private:
    tcp_dial& owner_;
    plexus_address address_;
    std::unique_ptr<socket_carrier> socket_;
};

/// What the resolver works on; it outlives a dial that was given up.
struct tcp_dial::lookup {
    tcp_dial* dial;
    hold kept;
    plexus_operation* operation = nullptr;
};

tcp_dial::tcp_dial(account& owner, sink& to, tcp_target target)
    : owner_(owner), sink_(to), target_(std::move(target)),
      stagger_(owner.loop, [this] { guarded([this] { next_attempt(); }); }) {}

tcp_dial::~tcp_dial() {
    if (lookup_ == nullptr) return;
    lookup_->dial = nullptr;
    plexus_operation* const begun = std::exchange(lookup_->operation, nullptr);
    if (begun != nullptr) begun->cancel(begun);
}

template <typename Function>
void tcp_dial::guarded(Function function) {
    try {
        function();
    } catch (const std::exception& e) {
        sink_.dial_failed(
            make_error(status::memory, "cannot connect to " + target_.name + ": " + e.what(), true));
    }
}

result<void> tcp_dial::begin(const plexus_resolver* resolver) {
    if (resolver == nullptr)
        return make_error(status::denied, "cannot connect to " + target_.name +
                                              ": this plugin has no resolver (the capability net.outbound)");
    auto begun = std::make_unique<lookup>(lookup{this, hold(owner_)});
    const auto done = [](void* context, std::int32_t status, const plexus_error* failure,
                         const plexus_address* found, std::uint32_t count) {
        const std::unique_ptr<lookup> mine(static_cast<lookup*>(context));
        tcp_dial* const dial = mine->dial;
        if (dial == nullptr) return;
        dial->lookup_ = nullptr;
        dial->guarded([&] { dial->resolved(status, failure, found, count); });
    };
    const std::int32_t code =
        resolver->resolve(resolver->service.self, to_abi(std::string_view(target_.host)), target_.port, done,
                          begun.get(), &begun->operation);
    if (code != PLEXUS_OK)
        return make_error(static_cast<status>(code), "cannot connect to " + target_.name +
                                                         ": it has no name that can be resolved (" +
                                                         describe(code) + ")");
    lookup_ = begun.release();
    return {};
}

void tcp_dial::resolved(std::int32_t code, const plexus_error* failure, const plexus_address* found,
                        std::uint32_t count) {
    if (code != PLEXUS_OK) {
        const error reason = from_abi(code, failure);
        return sink_.dial_failed(
            error("plexus", code, "cannot connect to " + target_.name + ": " + reason.message(), true));
    }
    addresses_ = in_turn(found, count);
    if (target_.public_only) {
        std::erase_if(addresses_, [](const plexus_address& each) { return !is_public(each); });
        if (addresses_.empty() && count != 0)
            return sink_.dial_failed(
                make_error(status::denied, "cannot connect to " + target_.name +
                                               ": its address is not one of the public internet"));
    }
    next_attempt();
}

void tcp_dial::next_attempt() {
    while (next_address_ < addresses_.size()) {
        const auto& address = addresses_[next_address_++];
        auto socket = begin_connect(address, target_.keepalive);
        if (!socket) {
            failures_.push_back(std::move(socket).error());
            continue;
        }
        attempts_.push_back(std::make_unique<attempt>(*this, address, std::move(*socket)));
        if (next_address_ < addresses_.size()) stagger_.arm(stagger_delay);
        return;
    }
    if (attempts_.empty()) fail_all();
}

void tcp_dial::attempt_failed(attempt& one, int number) {
    failures_.push_back(connect_error(shown(one.address()), number));
    std::erase_if(attempts_, [&one](const auto& each) { return each.get() == &one; });
    next_attempt();
}

void tcp_dial::attempt_won(attempt& one) {
    auto socket = one.take();
    attempts_.clear();
    stagger_.disarm();
    sink_.dialed(std::move(socket));
}

void tcp_dial::fail_all() {
    if (failures_.empty())
        return sink_.dial_failed(make_error(
            status::unreachable, "cannot connect to " + target_.name + ": it has no address", true));
    std::string reasons;
    for (const auto& one : failures_) reasons += (reasons.empty() ? "" : "; ") + one.message();
    sink_.dial_failed(
        error("plexus", failures_.back().code(), "cannot connect to " + target_.name + ": " + reasons, true));
}

} // namespace plexus::net
