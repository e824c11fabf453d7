#include "plexus/net/proxy_status.hpp"

#include <algorithm>

namespace plexus::net {

struct proxy_status::watcher {
    std::uint32_t shard = 0;
    plexus_proxy_told told = nullptr;
    void* context = nullptr;
    bool ended = false;                ///< [shard]
    std::atomic<bool> waiting = false; ///< a task that tells it is under way
};

proxy_status::~proxy_status() = default;

void proxy_status::set(value now) {
    const std::scoped_lock lock(mutex_);
    if (now == now_) return;
    now_ = std::move(now);
    for (const auto& one : watchers_) {
        if (one->waiting.exchange(true)) continue;
        owner_.loop.post(one->shard, [this, one, kept = hold(owner_)] {
            one->waiting.store(false);
            if (!one->ended) tell(get(), one->told, one->context);
        });
    }
}

proxy_status::value proxy_status::get() const {
    const std::scoped_lock lock(mutex_);
    return now_;
}

void proxy_status::tell(const value& now, plexus_proxy_told told, void* context) const {
    plexus_proxy_status out{};
    out.size = sizeof out;
    out.state = now.state;
    out.percent = now.percent;
    out.kind = to_abi(std::string_view(kind_));
    out.address = to_abi(std::string_view(now.address));
    out.summary = to_abi(std::string_view(now.summary));
    told(context, &out);
}

void proxy_status::status(plexus_proxy_told told, void* context) const { tell(get(), told, context); }

result<plexus_proxy_watch*> proxy_status::watch(plexus_proxy_told told, void* context) {
    const std::int32_t here = owner_.loop.current_shard();
    if (here < 0) return make_error(plexus::status::invalid, "a watch is made on a shard");
    auto made = std::make_shared<watcher>();
    made->shard = static_cast<std::uint32_t>(here);
    made->told = told;
    made->context = context;
    const std::scoped_lock lock(mutex_);
    watchers_.push_back(made);
    return reinterpret_cast<plexus_proxy_watch*>(made.get());
}

void proxy_status::unwatch(plexus_proxy_watch* watch) {
    const std::scoped_lock lock(mutex_);
    const auto found = std::find_if(watchers_.begin(), watchers_.end(), [watch](const auto& one) {
        return reinterpret_cast<plexus_proxy_watch*>(one.get()) == watch;
    });
    if (found == watchers_.end()) return;
    (*found)->ended = true;
    watchers_.erase(found);
}

} // namespace plexus::net
