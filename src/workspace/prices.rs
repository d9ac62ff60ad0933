//! Prices, and the limits that an estimate is compared with.

use std::collections::BTreeMap;

use super::file::PriceSpec;
use super::read::TargetReader;
use crate::api::name::WorkflowId;
use crate::money::{Currency, Money, Price};
use crate::source::Spanned;
use crate::units::parse_bytes;

impl TargetReader<'_> {
    pub(super) fn max_bytes(&mut self) -> Option<u64> {
        let text = self.spec.max_bytes.as_ref()?;
        let limit = parse_bytes(&text.value);
        if limit.is_none() {
            let message = format!(
                "`{}` is not an amount of bytes such as `10 GiB`",
                text.value
            );
            self.problem("bytes", message, text.span);
        }
        limit
    }

    /// A limit that nothing could ever be held against is a mistake.
    pub(super) fn max_cost(&mut self) -> Option<Money> {
        let text = self.spec.max_cost.as_ref()?;
        if self.spec.prices.0.is_empty() {
            let message = "`max_cost` needs `prices`: what each workflow costs";
            self.problem("price", message, text.span);
        }
        let currency = self.currency();
        self.money(text, currency)
    }

    /// Prices by id; `names` are the ids of workflows that have a name.
    pub(super) fn prices(
        &mut self,
        names: &BTreeMap<String, WorkflowId>,
    ) -> BTreeMap<WorkflowId, Price> {
        let currency = self.currency();
        let spec = self.spec;
        let mut prices = BTreeMap::new();
        for (id, spec) in &spec.prices.0 {
            let price = self.price(id, spec, currency);
            if let Some(id) = names.get(&id.value) {
                prices.insert(id.clone(), price);
            } else if let Some(id) = self.named(id, "workflow id", WorkflowId::new) {
                prices.insert(id, price);
            }
        }
        prices
    }

    fn price(
        &mut self,
        id: &Spanned<String>,
        spec: &PriceSpec,
        currency: Option<Currency>,
    ) -> Price {
        if spec.per_object.is_none() && spec.per_gib.is_none() {
            let message = "the price says neither `per_object` nor `per_gib`";
            self.problem("price", message, id.span);
        }
        let mut read = |text: Option<&Spanned<String>>| self.money(text?, currency);
        Price {
            per_object: read(spec.per_object.as_ref()),
            per_gib: read(spec.per_gib.as_ref()),
        }
    }

    /// The currency of the first price that has one: all amounts of a target are in it.
    fn currency(&self) -> Option<Currency> {
        let prices = self.spec.prices.0.iter();
        let mut texts = prices.flat_map(|(_, price)| [&price.per_object, &price.per_gib]);
        texts.find_map(|text| {
            let money: Option<Money> = text.as_ref()?.value.parse().ok();
            money.map(Money::currency)
        })
    }

    fn money(&mut self, text: &Spanned<String>, currency: Option<Currency>) -> Option<Money> {
        let problem = match text.value.parse::<Money>() {
            Err(error) => format!("`{}` {error}", text.value),
            Ok(money) => match currency.filter(|currency| *currency != money.currency()) {
                None => return Some(money),
                Some(currency) => format!(
                    "`{}` is not in {currency}, as the first price is; a target counts in one currency",
                    text.value
                ),
            },
        };
        self.problem("price", problem, text.span);
        None
    }
}
