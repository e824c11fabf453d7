#include "service_ledger.hpp"

#include "services.hpp"

#include <stdexcept>

namespace plexus::smp_server {
namespace {

constexpr std::uint64_t count_step = 1'000;
/// Services that are remembered though nothing is under way for them.
constexpr std::size_t most_accounts = 10'000;

} // namespace

bool service_ledger::knows(const std::vector<identifier>& services) const {
    for (const auto& each : services) {
        const auto found = accounts_.find(each);
        if (found == accounts_.end() || !found->second.counted || found->second.failed) return false;
    }
    return true;
}

void service_ledger::with(std::vector<identifier> services, std::function<void(result<void>)> next) {
    for (const auto& each : services) {
        auto& found = accounts_[each];
        if (found.counted && !found.failed) continue;
        found.waiting.emplace_back(
            [this, services, next = std::move(next)](const result<void>& outcome) mutable {
                if (outcome)
                    with(std::move(services), std::move(next));
                else
                    next(outcome);
            });
        if (!found.counting && found.under_way == 0) count(each, served_key(each, {}));
        return;
    }
    next({});
    forget_some();
}

void service_ledger::count(const identifier& service, bytes from) {
    auto& own = accounts_[service];
    if (!own.counting) own.sum = {};
    own.counting = true;
    scan_(std::move(from), served_end(service), count_step,
          [this, service](const result<store_ref::rows>& found) {
              if (!found) {
                  counted(service, found.error());
                  return;
              }
              auto& sum = accounts_[service].sum;
              for (const auto& [key, value] : *found) {
                  const auto recipient_id = to_identifier(value);
                  if (recipient_id && owner_of(*recipient_id, shards_) == shard_)
                      sum.add(bytes_view(key).subspan(smp::id_size));
              }
              if (found->size() < count_step) {
                  counted(service, {});
                  return;
              }
              auto next = found->back().first;
              next.push_back(0);
              count(service, std::move(next));
          });
}

void service_ledger::counted(const identifier& service, const result<void>& outcome) {
    auto& found = accounts_[service];
    found.counting = false;
    found.failed = false;
    found.counted = outcome.has_value();
    for (const auto& next : std::exchange(found.waiting, {})) next(outcome);
}

smp::service_queues service_ledger::of(const identifier& service) const {
    const auto found = accounts_.find(service);
    return found == accounts_.end() ? smp::service_queues() : found->second.sum;
}

void service_ledger::change(const identifier& service, const std::function<void(account&)>& what) {
    const auto found = accounts_.find(service);
    if (found == accounts_.end() || !found->second.counted)
        throw std::logic_error("a service is changed before it is counted");
    ++found->second.under_way;
    what(found->second);
}

void service_ledger::add(const identifier& service, const identifier& entity, const identifier& recipient_id,
                         write_batch& batch) {
    batch.put(served_, served_key(service, entity), to_bytes(bytes_view(recipient_id)));
    change(service, [&](account& found) { found.sum.add(entity); });
}

void service_ledger::remove(const identifier& service, const identifier& entity, write_batch& batch) {
    batch.erase(served_, served_key(service, entity));
    change(service, [&](account& found) { found.sum.remove(entity); });
}

void service_ledger::settle(const identifier& service, bool committed) {
    auto& found = accounts_[service];
    --found.under_way;
    if (!committed) found.failed = true;
    if (found.under_way > 0 || !found.failed) return;
    found.counted = false;
    if (!found.waiting.empty()) count(service, served_key(service, {}));
}

void service_ledger::forget_some() {
    for (auto next = accounts_.begin(); accounts_.size() > most_accounts && next != accounts_.end();) {
        const auto& each = next->second;
        const bool idle = !each.counting && each.under_way == 0 && each.waiting.empty();
        next = idle ? accounts_.erase(next) : std::next(next);
    }
}

} // namespace plexus::smp_server
