#include "image.hpp"

namespace plexus::store_memory {

/// Keeps writers out. A thread that reads within a read does not lock again: a writer may wait in between.
class image::reading {
  public:
    explicit reading(const image& of) : of_(of), outer_(innermost_) {
        for (const reading* one = outer_; one != nullptr; one = one->outer_) nested_ |= &one->of_ == &of_;
        if (!nested_) of_.mutex_.lock_shared();
        innermost_ = this;
    }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;
    ~reading() {
        innermost_ = outer_;
        if (!nested_) of_.mutex_.unlock_shared();
    }

  private:
    static thread_local const reading* innermost_;
    const image& of_;
    const reading* outer_;
    bool nested_ = false;
};
thread_local const image::reading* image::reading::innermost_ = nullptr;

namespace {

const rows& content(const plexus_table* which) noexcept {
    return reinterpret_cast<const table*>(which)->content;
}
std::uint64_t size_of(bytes_view key, bytes_view value) noexcept { return key.size() + value.size(); }

/// The first row of a range, and the one behind its last. `Rows` may be const.
template <typename Rows>
auto span_of(Rows& in, const store_provider::key_range& range) {
    const auto first = in.lower_bound(range.from);
    if (range.empty()) return std::pair(first, first);
    return std::pair(first, range.to.empty() ? in.end() : in.lower_bound(range.to));
}

} // namespace

result<plexus_table*> image::open_table(std::string_view name) {
    const std::unique_lock hold(mutex_);
    const std::size_t count = table_count_.load();
    for (std::size_t i = 0; i < count; ++i)
        if (tables_[i].name == name) return reinterpret_cast<plexus_table*>(&tables_[i]);
    if (name.empty() || name.size() > PLEXUS_STORE_KEY_MOST)
        return make_error(status::invalid, "a table's name has 1 to 480 bytes");
    if (count == tables_.size())
        return make_error(status::limit, "no room for the table " + std::string(name) + ": a store has " +
                                             std::to_string(PLEXUS_STORE_TABLES_MOST) + " at the most");
    tables_[count].name = name;
    table_count_.store(count + 1);
    return reinterpret_cast<plexus_table*>(&tables_[count]);
}

bool image::owns(const plexus_table* which) const noexcept {
    const auto* one = reinterpret_cast<const table*>(which);
    const std::less<const table*> before;
    return !before(one, tables_.data()) && before(one, tables_.data() + table_count_.load());
}

std::int32_t image::try_get(const plexus_table* from, plexus_view key, void (*found)(void*, plexus_view),
                            void* context) const noexcept {
    const reading lock(*this);
    const auto row = content(from).find(from_abi(key));
    if (row == content(from).end()) return PLEXUS_E_NOT_FOUND;
    found(context, to_abi(bytes_view(row->second)));
    return PLEXUS_OK;
}

std::int32_t image::try_scan(const plexus_scan& range, std::uint32_t (*row)(void*, plexus_view, plexus_view),
                             void* context) const noexcept {
    const reading lock(*this);
    const rows& in = content(range.table);
    auto [first, last] = span_of(in, store_provider::key_range::of(range));
    const bool reverse = (range.flags & PLEXUS_SCAN_REVERSE) != 0;
    for (std::uint64_t count = 0; first != last && (range.limit == 0 || count < range.limit); ++count) {
        const auto at = reverse ? --last : first++;
        if (row(context, to_abi(bytes_view(at->first)), to_abi(bytes_view(at->second))) == 0) break;
    }
    return PLEXUS_OK;
}

store_provider::outcome image::apply(std::span<store_provider::batch* const> group) {
    if (machine_ != nullptr && machine_->crashed(machine_->service.self) != 0)
        return {0, make_error(status::io, "the machine has crashed: nothing is stored any more")};
    const std::unique_lock hold(mutex_);
    for (std::size_t i = 0; i < group.size(); ++i) {
        auto& one = *group[i];
        const auto stored = [](const plexus_write& write) {
            return content(write.table).contains(from_abi(write.key));
        };
        if (store_provider::meets_existing(one.span(), stored)) {
            one.status = PLEXUS_E_EXISTS;
            continue;
        }
        if (!fits(one))
            return {i, make_error(status::full,
                                  "the store has reached its capacity of " + std::to_string(capacity_) +
                                      " bytes: raise it, or delete something",
                                  true)};
        for (const auto& write : one.span()) image::write(write);
        one.status = PLEXUS_OK;
    }
    return {group.size(), std::nullopt};
}

bool image::fits(const store_provider::batch& one) const {
    if (capacity_ == 0) return true;
    std::uint64_t after = used_;
    bool adds = false;
    for (const auto& write : one.span()) {
        if (write.kind != PLEXUS_WRITE_PUT && write.kind != PLEXUS_WRITE_INSERT) continue;
        adds = true;
        const auto old = content(write.table).find(from_abi(write.key));
        if (old != content(write.table).end()) after -= std::min(after, size_of(old->first, old->second));
        after += write.key.size + write.value.size;
    }
    return !adds || after <= capacity_;
}

void image::write(const plexus_write& one) {
    rows& in = reinterpret_cast<table*>(one.table)->content;
    const bytes_view key = from_abi(one.key);
    const bytes_view value = from_abi(one.value);
    const bool range = one.kind == PLEXUS_WRITE_DELETE_RANGE;
    auto [first, last] = range ? span_of(in, store_provider::key_range::of(one)) : in.equal_range(key);
    for (auto row = first; row != last; ++row) used_ -= size_of(row->first, row->second);
    const auto after = in.erase(first, last);
    if (one.kind != PLEXUS_WRITE_PUT && one.kind != PLEXUS_WRITE_INSERT) return;
    in.emplace_hint(after, to_bytes(key), to_bytes(value));
    used_ += size_of(key, value);
}

namespace {

/// The named images of the process. A library stays mapped for the process's life, and this with it.
struct registry {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<image>> images;
};
registry& named_images() {
    static registry all;
    return all;
}

} // namespace

result<held_image> held_image::hold(const std::string& name, bool fresh) {
    held_image out;
    if (name.empty()) {
        out.image_ = std::make_shared<image>();
        return out;
    }
    registry& all = named_images();
    const std::lock_guard hold(all.mutex);
    auto& kept = all.images[name];
    // One reference is the registry's own; any other is a holder's.
    if (kept.use_count() > 1)
        return make_error(status::busy, "the image " + name +
                                            " is held by another instance of this program: "
                                            "stop it, or give another name");
    if (kept == nullptr || fresh) kept = std::make_shared<image>();
    out.image_ = kept;
    return out;
}

} // namespace plexus::store_memory
