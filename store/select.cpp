#include "store/select.h"

#include <utility>

#include "store/bank.h"
#include "store/internal/bank_state.h"

namespace slicebank {

struct Rows::Impl {
  Impl(const Bank& bank, const std::string& sql, const std::vector<SqlValue>& values)
      : state(bank.state()), index(*state), text(sql), statement(index->take_prepared(sql)) {
    int parameter = 0;
    for (const SqlValue& value : values) statement.bind(++parameter, value);
  }
  ~Impl() {
    if (!index.foreign()) index->keep_prepared(text, std::move(statement));
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::shared_ptr<BankState> state;
  IndexLease index;
  std::string text;
  sqlite::Statement statement;
};

Rows::Rows(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;

Rows::~Rows() {
  // Rows of the parent process are left alone in a forked child.
  if (impl_ && impl_->index.foreign()) (void)impl_.release();
}

bool Rows::next() { return impl_->statement.step(); }
int Rows::columns() const { return impl_->statement.columns(); }
std::string_view Rows::column_name(int column) const {
  return impl_->statement.column_name(column);
}
bool Rows::is_null(int column) const { return impl_->statement.is_null(column); }
std::int64_t Rows::integer(int column) const { return impl_->statement.integer(column); }
double Rows::real(int column) const { return impl_->statement.real(column); }
std::string_view Rows::text(int column) const { return impl_->statement.text(column); }
SqlValue Rows::value(int column) const { return impl_->statement.value(column); }

Rows select(const Bank& bank, const std::string& sql, const std::vector<SqlValue>& values) {
  return Rows(std::make_unique<Rows::Impl>(bank, sql, values));
}

std::string explain(const Bank& bank, const std::string& sql, const std::vector<SqlValue>& values) {
  std::string plan;
  for (Rows rows = select(bank, "EXPLAIN QUERY PLAN " + sql, values); rows.next();) {
    plan.append(rows.text(3)).push_back('\n');
  }
  return plan;
}

}  // namespace slicebank
