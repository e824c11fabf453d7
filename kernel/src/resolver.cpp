#include "resolver.hpp"

#include <arpa/inet.h>

#include <atomic>
#include <cstring>
#include <memory>

#include "abi_list.hpp"

namespace plexus::kernel {
namespace {

constexpr std::size_t name_most = 253; // of a DNS name

bool ends_with_onion(std::string_view name) {
    if (!name.empty() && name.back() == '.') name.remove_suffix(1);
    constexpr std::string_view suffix = ".onion";
    if (name.size() < suffix.size()) return false;
    const std::string_view end = name.substr(name.size() - suffix.size());
    return std::equal(end.begin(), end.end(), suffix.begin(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

bool parse_numeric(const std::string& text, std::uint32_t port, plexus_address& out) {
    out = {};
    out.port = port;
    if (inet_pton(AF_INET, text.c_str(), out.bytes) == 1) {
        out.family = 4;
        return true;
    }
    std::string inner = text;
    if (inner.size() > 2 && inner.front() == '[' && inner.back() == ']')
        inner = inner.substr(1, inner.size() - 2);
    if (inet_pton(AF_INET6, inner.c_str(), out.bytes) == 1) {
        out.family = 6;
        return true;
    }
    return false;
}

} // namespace

/// Lives until both the completion was called and nothing of the loop points to it.
struct host_resolver::operation {
    operation(loop_backend& on, activity& of, completion call, void* with, std::uint32_t here)
        : loop(on), owner(of), done(call), context(with), shard(here) {}

    plexus_operation table{&operation::cancel}; ///< first, so that the plugin's handle is this
    loop_backend& loop;
    activity& owner;
    completion done;
    void* context;
    std::uint32_t shard;
    std::atomic<std::uint32_t> references = 1;
    bool complete = false;
    bool decided = false; ///< `outcome` stands, and its completion is on the way
    lookup_result outcome{};

    void release() {
        if (--references == 0) delete this;
    }

    void finish(const lookup_result& answer) {
        if (complete) return;
        complete = true;
        owner.lookups.fetch_sub(1, std::memory_order_relaxed);
        if (answer.status == PLEXUS_OK) {
            done(context, PLEXUS_OK, nullptr, answer.addresses.data(),
                 static_cast<std::uint32_t>(answer.addresses.size()));
            return;
        }
        plexus_error failure{};
        failure.size = sizeof failure;
        failure.code = answer.status;
        failure.flags = answer.status == PLEXUS_E_IO ? PLEXUS_ERROR_RETRYABLE : 0;
        failure.domain = view_of("plexus");
        failure.message = view_of(answer.message);
        done(context, answer.status, &failure, nullptr, 0);
    }

    /// Completes with `answer` from the loop; false if that takes nothing any more.
    bool finish_later(lookup_result answer) {
        outcome = std::move(answer);
        if (decided) return true;
        decided = true;
        const task step{[](void* self) {
                            auto* op = static_cast<operation*>(self);
                            op->finish(op->outcome);
                            op->release();
                        },
                        this, &owner};
        if (!loop.post(shard, step)) return false;
        ++references; // the step's, which runs on this very shard and so later
        return true;
    }

    static void cancel(plexus_operation* handle) {
        auto* op = reinterpret_cast<operation*>(handle);
        if (op->complete) return;
        (void)op->finish_later({PLEXUS_E_CANCELLED, "the name resolution was cancelled", {}});
    }
};

host_resolver::host_resolver(loop_backend& loop, activity& owner) : loop_(loop), owner_(owner) {
    table.service = {sizeof(plexus_resolver), 0, this};
    table.resolve = [](void* self, plexus_view host, std::uint32_t port, completion done, void* context,
                       plexus_operation** out) {
        return static_cast<host_resolver*>(self)->resolve(host, port, done, context, out);
    };
}

std::int32_t host_resolver::resolve(plexus_view host, std::uint32_t port, completion done, void* context,
                                    plexus_operation** out) {
    const std::int32_t shard = loop_.current_shard();
    if (shard < 0 || done == nullptr || port > 65535) return PLEXUS_E_INVALID;
    if (host.size == 0 || host.size > name_most) return PLEXUS_E_INVALID;
    const std::string name(text_of(host));
    if (name.find('\0') != std::string::npos || ends_with_onion(name)) return PLEXUS_E_INVALID;

    auto* op = new operation(loop_, owner_, done, context, static_cast<std::uint32_t>(shard));
    owner_.lookups.fetch_add(1, std::memory_order_relaxed);
    plexus_address numeric{};
    if (parse_numeric(name, port, numeric)) {
        const bool taken = op->finish_later({PLEXUS_OK, {}, {numeric}});
        op->release();
        if (!taken) {
            owner_.lookups.fetch_sub(1, std::memory_order_relaxed);
            return PLEXUS_E_STOPPING;
        }
    } else {
        // The loop's share of it goes with the lookup, also where the loop ends before that.
        const std::shared_ptr<operation> share(op, [](operation* of) { of->release(); });
        loop_.lookup(name, port, &owner_, [share](const lookup_result& answer) {
            if (!share->decided) share->finish(answer);
        });
        if (share.use_count() == 1) { // the loop takes no lookups any more
            owner_.lookups.fetch_sub(1, std::memory_order_relaxed);
            return PLEXUS_E_STOPPING;
        }
    }
    if (out != nullptr) *out = &op->table;
    return PLEXUS_OK;
}

} // namespace plexus::kernel
