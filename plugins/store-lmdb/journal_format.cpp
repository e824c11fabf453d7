#include "journal_format.hpp"

#include <bit>

namespace plexus::store_lmdb::journal_format {
namespace {

constexpr std::uint64_t magic = 0x316c6e6a78656c70U; // "plexjnl1"
constexpr std::size_t head_size = 40;
constexpr std::size_t record_head = 24;
constexpr std::size_t entry_head = 9;
constexpr std::size_t name_most = PLEXUS_STORE_KEY_MOST; // of a table, as of a key

constexpr std::uint64_t prime = 0x9fb21c651e98df25U;
constexpr std::uint64_t other_prime = 0xd6e8feb86659fd93U;

template <typename T>
void store(std::uint8_t* to, T value) noexcept {
    for (std::size_t i = 0; i < sizeof value; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
template <typename T>
T load(const std::uint8_t* from) noexcept {
    T value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
        value |= static_cast<T>(static_cast<T>(from[i]) << (8 * i));
    return value;
}

/// One word into a state. For a given state it is one-to-one in the word, and the other way round.
std::uint64_t mix(std::uint64_t state, std::uint64_t word) noexcept {
    return std::rotl((state ^ word) * prime, 29) * other_prime;
}
std::uint64_t word_at(const std::uint8_t* from) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = load<std::uint64_t>(from);
    return word;
}

} // namespace

void checksum::add(std::uint64_t number) noexcept { state_ = mix(state_, number); }

void checksum::add(bytes_view piece) noexcept {
    // Four lanes, so that one multiplication need not wait for the last.
    std::uint64_t lanes[4] = {state_, state_ ^ prime, state_ + other_prime, state_ - prime};
    const std::uint8_t* at = piece.data();
    std::size_t left = piece.size();
    for (; left >= 32; at += 32, left -= 32)
        for (std::size_t lane = 0; lane < 4; ++lane) lanes[lane] = mix(lanes[lane], word_at(at + 8 * lane));
    for (const std::uint64_t lane : lanes) state_ = mix(state_, lane);
    for (; left >= 8; at += 8, left -= 8) state_ = mix(state_, word_at(at));
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < left; ++i) rest |= std::uint64_t{at[i]} << (8 * i);
    state_ = mix(mix(state_, rest), piece.size());
}

bytes encode(const head& value) {
    bytes out(head_size);
    store(out.data(), magic);
    store(out.data() + 8, value.salt);
    store(out.data() + 16, value.follows);
    store(out.data() + 24, value.first);
    checksum sum(value.salt);
    sum.add(bytes_view(out).first(head_size - 8));
    store(out.data() + head_size - 8, sum.value());
    return out;
}

std::optional<head> parse_head(bytes_view file) {
    if (file.size() < head_size || load<std::uint64_t>(file.data()) != magic) return std::nullopt;
    head out;
    out.salt = load<std::uint64_t>(file.data() + 8);
    out.follows = load<std::uint64_t>(file.data() + 16);
    out.first = load<std::uint64_t>(file.data() + 24);
    checksum sum(out.salt);
    sum.add(file.first(head_size - 8));
    if (sum.value() != load<std::uint64_t>(file.data() + head_size - 8)) return std::nullopt;
    if (out.first <= out.follows) return std::nullopt;
    return out;
}

// ---- reading

namespace {

/// The next entry of a record's keys; a long value is not looked for yet. False: they are malformed.
bool parse_entry(bytes_view& keys, entry& out, std::size_t& value_size) {
    if (keys.size() < entry_head) return false;
    out.kind = keys[0];
    const std::size_t name = load<std::uint16_t>(keys.data() + 1);
    const std::size_t key = load<std::uint16_t>(keys.data() + 3);
    value_size = load<std::uint32_t>(keys.data() + 5);
    const bool range = out.kind == PLEXUS_WRITE_DELETE_RANGE;
    if (out.kind < PLEXUS_WRITE_PUT || out.kind > PLEXUS_WRITE_DELETE_RANGE || name == 0 || name > name_most)
        return false;
    if (key > PLEXUS_STORE_KEY_MOST || (key == 0 && !range)) return false;
    if (value_size > (range ? std::size_t(PLEXUS_STORE_KEY_MOST) : std::size_t(PLEXUS_STORE_VALUE_MOST)))
        return false;
    keys = keys.subspan(entry_head);
    const std::size_t here = value_size > short_value ? 0 : value_size;
    if (keys.size() < name + key + here) return false;
    out.table = as_text(keys.first(name));
    out.key = keys.subspan(name, key);
    out.value = keys.subspan(name + key, here);
    keys = keys.subspan(name + key + here);
    return true;
}

} // namespace

std::optional<record> parse_record(bytes_view file, std::size_t offset, std::uint64_t salt) {
    if (offset > file.size() || file.size() - offset < record_head) return std::nullopt;
    const bytes_view at = file.subspan(offset);
    record out;
    out.number = load<std::uint64_t>(at.data() + 8);
    const std::size_t keys_size = load<std::uint32_t>(at.data() + 16);
    const std::size_t longs_size = load<std::uint32_t>(at.data() + 20);
    const std::size_t room = at.size() - record_head;
    if (keys_size > room || longs_size > room - keys_size) return std::nullopt;
    out.size = record_head + keys_size + longs_size;
    checksum sum(salt);
    sum.add(at.subspan(8, record_head - 8));
    bytes_view keys = at.subspan(record_head, keys_size);
    sum.add(keys);
    std::size_t longs = record_head + keys_size;
    while (!keys.empty()) {
        entry one;
        std::size_t value_size = 0;
        if (!parse_entry(keys, one, value_size)) return std::nullopt;
        if (value_size > short_value) {
            if (value_size > out.size - longs) return std::nullopt;
            one.value = at.subspan(longs, value_size);
            one.value_at = offset + longs;
            sum.add(one.value);
            longs += value_size;
        }
        out.entries.push_back(one);
    }
    if (longs != out.size || sum.value() != load<std::uint64_t>(at.data())) return std::nullopt;
    return out;
}

// ---- writing

void record_group::clear() noexcept {
    short_.clear();
    pieces_.clear();
    records_.clear();
    size_ = 0;
}

std::size_t record_group::begin() {
    const std::size_t at = short_.size();
    short_.resize(at + record_head);
    return at;
}

void record_group::add_entry(const entry& one) {
    const std::size_t name = std::min(one.table.size(), name_most);
    const std::size_t here = one.is_long() ? 0 : one.value.size();
    std::size_t at = short_.size();
    short_.resize(at + entry_head + name + one.key.size() + here);
    std::uint8_t* out = short_.data() + at;
    out[0] = static_cast<std::uint8_t>(one.kind);
    store(out + 1, static_cast<std::uint16_t>(name));
    store(out + 3, static_cast<std::uint16_t>(one.key.size()));
    store(out + 5, static_cast<std::uint32_t>(one.value.size()));
    out += entry_head;
    const auto append = [&out](const void* from, std::size_t size) {
        if (size != 0) std::memcpy(out, from, size);
        out += size;
    };
    append(one.table.data(), name);
    append(one.key.data(), one.key.size());
    append(one.value.data(), here);
}

void record_group::finish(std::size_t record_at, std::uint64_t number, std::uint64_t longs, checksum& sum) {
    std::uint8_t* head = short_.data() + record_at;
    const std::size_t keys = short_.size() - record_at - record_head;
    store(head + 8, number);
    store(head + 16, static_cast<std::uint32_t>(keys));
    store(head + 20, static_cast<std::uint32_t>(longs));
    sum.add(bytes_view(head + 8, record_head - 8));
    sum.add(bytes_view(head + record_head, keys));
    const std::size_t all = record_head + keys;
    if (!pieces_.empty() && pieces_.back().data == nullptr)
        pieces_.back().size += all;
    else
        pieces_.push_back({nullptr, record_at, all});
    records_.push_back({size_, size_ + all});
    size_ += all;
}

void record_group::add_long(bytes_view value, checksum& sum) {
    sum.add(value);
    pieces_.push_back({value.data(), 0, value.size()});
    size_ += value.size();
}

void record_group::seal(std::size_t record_at, const checksum& sum) {
    store(short_.data() + record_at, sum.value());
}

void record_group::pieces(std::vector<bytes_view>& out) const {
    out.clear();
    for (const auto& one : pieces_)
        out.emplace_back(one.data == nullptr ? short_.data() + one.at : one.data, one.size);
}

std::uint64_t size_bound(std::span<const plexus_write> writes) {
    std::uint64_t out = record_head;
    for (const auto& write : writes) out += entry_head + name_most + write.key.size + write.value.size;
    return out;
}

} // namespace plexus::store_lmdb::journal_format
