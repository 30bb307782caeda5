"""The catalogue of refusals: why the rules do not let a well-formed entry into the log.

A refusal is a value, numbered and named, with fields that say what it is about. Numbers are in
blocks of 100 per family and are never used again for something else. The catalogue's order is the
order of the numbers; the order in which rules are tried is that of `apply` and then of the kind's
rule, and stands in the tables of the tests.

`transient`: the same entry could pass later without being changed.
"""

from typing import NamedTuple

from msgspec import Struct

from registry.chain.errors import Broken

FieldValue = str | int


class Reason(NamedTuple):
    """One line of the catalogue. `en` and `zh` name the fields that the refusal carries."""

    number: int
    name: str
    transient: bool
    en: str
    zh: str

    def general(self, language: str = "en") -> str:
        """The sentence where the fields are not known: each stands as its name, as in <account>."""
        return (self.zh if language == "zh" else self.en).format_map(_Names())


class _Names(dict[str, str]):
    """Every field by its own name."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


class Refusal(Struct, frozen=True):
    """Why an entry was refused: a reason of the catalogue and its fields."""

    name: str
    fields: dict[str, FieldValue]

    @property
    def reason(self) -> Reason:
        return CATALOGUE[self.name]

    @property
    def number(self) -> int:
        return CATALOGUE[self.name].number

    @property
    def transient(self) -> bool:
        return CATALOGUE[self.name].transient

    def message(self, language: str = "en") -> str:
        """The sentence for people, `en` or `zh`."""
        reason = CATALOGUE[self.name]
        return (reason.zh if language == "zh" else reason.en).format(**self.fields)


def refuse(name: str, **fields: FieldValue) -> Refusal:
    """A refusal of the catalogue; Broken if the name or the fields are not those it lists."""
    if name not in CATALOGUE:
        raise Broken(f"no refusal is called {name}")
    refusal = Refusal(name, fields)
    try:
        refusal.message()
    except KeyError as missing:
        raise Broken(f"refusal {name} lacks its field {missing}") from missing
    return refusal


# fmt: off
# 100 the entry as such
_ENTRY = (
    Reason(101, "log_not_open", False, "the log has no genesis yet; the first entry must be one", "账本尚无创世条目；首条必须是 genesis"),
    Reason(102, "log_already_open", False, "the log already has its genesis", "账本已有创世条目"),
    Reason(103, "wrong_origin", False, "the entry is for the log {entry_origin}, not for {origin}", "该条目属于账本 {entry_origin}，不属于 {origin}"),
    Reason(104, "expired", False, "not_after {not_after} lies before the record time {time_ms}; sign the entry anew", "not_after {not_after} 早于记录时间 {time_ms}；请重新签署"),
    Reason(105, "not_after_too_far", True, "not_after {not_after} lies more than 30 days after the record time {time_ms}", "not_after {not_after} 晚于记录时间 {time_ms} 超过 30 天"),
    Reason(106, "id_reused", False, "the id {id} was used by {signer} for another entry, at index {index}", "标识 {id} 已被 {signer} 用于另一条目（序号 {index}）"),
    Reason(107, "amount_too_large", False, "a sum or product of amounts exceeds 2^53-1", "数量之和或积超过 2^53-1"),
    Reason(108, "memo_with_personal_account", False, "an entry that touches the personal account {account} may have no memo", "涉及个人账户 {account} 的条目不得带备注"),
    Reason(109, "no_such_date", False, "{date} is not a date of the calendar", "{date} 不是有效日期"),
    Reason(110, "dates_reversed", False, "{first} lies after {last}", "{first} 晚于 {last}"),
    Reason(111, "fields_exclude", False, "exactly one of these fields must stand: {fields}", "以下字段须且仅须填写一个：{fields}"),
    Reason(112, "listed_twice", False, "{what} is listed twice", "{what} 重复列出"),
    Reason(113, "ruleset_unknown", False, "this registry does not have ruleset {ruleset}", "本系统没有第 {ruleset} 号规则集"),
    Reason(114, "bad_origin", False, "the origin {origin} is not of the form <host>/<path>/<8 hex digits>: {why}", "账本标识 {origin} 不符合 <主机>/<路径>/<8 位十六进制> 的形式：{why}"),
    Reason(115, "log_ended", False, "the log was ended by the entry at index {index}; nothing follows it", "账本已由序号 {index} 的条目终结，不再接受任何条目"),
)
# 200 signatures and authority
_SIGNATURES = (
    Reason(201, "unknown_signer", True, "no key {signer} is enrolled", "未登记密钥 {signer}"),
    Reason(202, "key_not_in_force", True, "the key {signer} is not in force at the record time", "密钥 {signer} 在记录时间无效"),
    Reason(203, "bad_signature", False, "the signature of {signer} does not verify", "{signer} 的签名验证不通过"),
    Reason(204, "role_missing", False, "an entry of kind {kind} must be signed by a party with the role {role}", "{kind} 类条目须由具有 {role} 角色的主体签署"),
    Reason(205, "owner_missing", False, "the owner of {account} has not signed ({signed} of {need})", "{account} 的所有者未签署（{signed}/{need}）"),
    Reason(206, "receiver_missing", False, "the account {account} accepts this transfer only with its own signature", "账户 {account} 仅在自行签署时接受本次转让"),
    Reason(207, "party_missing", False, "{party} must sign", "{party} 必须签署"),
    Reason(208, "too_few_organisations", False, "{signed} organisations that are not the owner have signed, the rulebook wants {need}", "除所有者外有 {signed} 家机构签署，规则要求 {need} 家"),
    Reason(209, "possession_not_proved", False, "the key {key} is enrolled here and must sign this entry too", "在此登记的密钥 {key} 须同时签署本条目"),
)
# 300 parties, keys, accounts, rulebooks
_PARTIES = (
    Reason(301, "party_exists", False, "the party {party} is already enrolled", "主体 {party} 已登记"),
    Reason(302, "unknown_party", True, "no party {party} is enrolled", "未登记主体 {party}"),
    Reason(303, "bad_key", False, "{key} is not an Ed25519 verifier key named {holder}: {why}", "{key} 不是名为 {holder} 的 Ed25519 验证密钥：{why}"),
    Reason(304, "key_taken", False, "the public key of {key} already serves {holder}", "{key} 的公钥已被 {holder} 使用"),
    Reason(305, "key_unknown", True, "{holder} has no key {key}", "{holder} 没有密钥 {key}"),
    Reason(306, "key_already_revoked", False, "the key {key} was revoked at index {index}", "密钥 {key} 已在序号 {index} 撤销"),
    Reason(307, "key_dates", False, "the key {key} ends before it begins", "密钥 {key} 的失效时间早于生效时间"),
    Reason(308, "recovery_pending", True, "a recovery of {holder} waits since index {index}", "{holder} 的恢复自序号 {index} 起待完成"),
    Reason(309, "no_recovery", True, "no recovery of {holder} waits for the key {key}", "{holder} 没有等待密钥 {key} 的恢复"),
    Reason(310, "recovery_too_early", True, "the recovery of {holder} may be completed from {ready_ms} on", "{holder} 的恢复须在 {ready_ms} 之后完成"),
    Reason(311, "account_exists", False, "the account {account} is already open", "账户 {account} 已开立"),
    Reason(312, "unknown_account", True, "no account {account} is open", "未开立账户 {account}"),
    Reason(313, "account_form", False, "an {type} account has {wanted} and nothing else", "{type} 账户只能有 {wanted}"),
    Reason(314, "rulebook_version", False, "the next rulebook has version {next}, not {version}", "下一版规则应为 {next}，而非 {version}"),
    Reason(315, "rulebook_retroactive", False, "a rulebook may not begin before its record time {time_ms} or before version {version} does", "规则不得早于记录时间 {time_ms} 或第 {version} 版生效"),
    Reason(316, "rulebook_value_unknown", False, "no rule reads a value called {value}", "没有规则使用名为 {value} 的值"),
    Reason(317, "rulebook_value_missing", False, "the rulebook lacks the value {value}", "规则缺少值 {value}"),
    Reason(318, "rulebook_value_type", False, "the rulebook's value {value} must be {wanted}", "规则值 {value} 须为 {wanted}"),
    Reason(319, "no_rulebook", True, "no rulebook is in force", "尚无生效的规则"),
    Reason(320, "too_few_keys", False, "the account needs {need} keys to sign and has {keys}", "账户需要 {need} 个密钥签署，但只有 {keys} 个"),
    Reason(321, "receiver_not_listed", False, "{account} lists its receivers, and {receiver} is not among them", "{account} 设有收款名单，{receiver} 不在其中"),
    Reason(322, "receiver_too_new", True, "{receiver} was listed newly and is usable from {ready_ms} on", "{receiver} 为新列入，自 {ready_ms} 起可用"),
    Reason(323, "account_limit", True, "{account} allows {limit_g} g, this would make {wanted_g} g", "{account} 限额为 {limit_g} 克，本次将达 {wanted_g} 克"),
    Reason(324, "logkey_overlap", False, "the log's present keys must go on signing until between {least_ms} and {most_ms}, not until {until_ms}", "账本现用密钥须继续签名至 {least_ms} 与 {most_ms} 之间，而非 {until_ms}"),
    Reason(325, "logkey_running", True, "the keys before those of the entry {index} still sign, until {until_ms}", "条目 {index} 之前的密钥仍在签名，至 {until_ms} 为止"),
)
# 400 methodologies, projects, issuances, openings
_SUPPLY = (
    Reason(401, "methodology_exists", False, "version {version} of {methodology} is already there", "{methodology} 的 {version} 版已存在"),
    Reason(402, "unknown_methodology", True, "there is no version {version} of {methodology}", "不存在 {methodology} 的 {version} 版"),
    Reason(403, "methodology_not_valid", True, "version {version} of {methodology} is not valid on {date}", "{methodology} 的 {version} 版在 {date} 无效"),
    Reason(404, "project_exists", False, "the project {project} is already registered", "项目 {project} 已登记"),
    Reason(405, "unknown_project", True, "no project {project} is registered", "未登记项目 {project}"),
    Reason(406, "claim_taken", False, "the project {project} already holds an equal claim for overlapping dates", "项目 {project} 在重叠期间已有相同主张"),
    Reason(407, "inside_other_market", False, "the project is not declared to be outside the {market}", "项目未声明不在 {market} 范围内"),
    Reason(408, "unknown_part", False, "the project {project} has no part {part}", "项目 {project} 没有部分 {part}"),
    Reason(409, "outside_crediting", False, "{first} to {last} is not within the crediting period {crediting_from} to {crediting_to}", "{first} 至 {last} 不在计入期 {crediting_from} 至 {crediting_to} 内"),
    Reason(410, "period_taken", False, "the issuance at index {index} already covers a part of {first} to {last}", "序号 {index} 的签发已涵盖 {first} 至 {last} 的一部分"),
    Reason(411, "batch_exists", False, "the batch {batch} is already there", "批次 {batch} 已存在"),
    Reason(412, "batch_name", False, "the batch {batch} must begin with {region}, a program of the rulebook, and the vintage {vintage}", "批次 {batch} 须以 {region}、规则内机制及年份 {vintage} 命名"),
    Reason(413, "class_not_of_methodology", False, "the class {class_name} is not that of the methodology, {wanted}", "类别 {class_name} 与方法学类别 {wanted} 不符"),
    Reason(414, "quantity_not_verified", False, "batches and buffer hold {issued_g} g, {available_g} g are verified", "批次与缓冲共 {issued_g} 克，已核证 {available_g} 克"),
    Reason(415, "remainder_too_large", False, "{left_g} g would stay unissued, enough for another serial of {unit_g} g", "将有 {left_g} 克未签发，足够再编一个 {unit_g} 克的序号"),
    Reason(416, "period_not_over", True, "the monitoring period ends on {last}, the record date is {date}", "监测期于 {last} 结束，记录日期为 {date}"),
    Reason(417, "parts_do_not_tile", False, "the parts must cover the serials 1 to {count} one after the other; see {first}", "各部分须依次覆盖序号 1 至 {count}；见 {first}"),
    Reason(418, "part_account", False, "an account must stand exactly where serials are free; see {first}", "仅当序号为可用状态时须有账户；见 {first}"),
    Reason(419, "acts_do_not_match", False, "{total} mg of acts are not {verified_g} g verified", "行为总量 {total} 毫克与核证量 {verified_g} 克不符"),
    Reason(420, "acts_of_project", False, "acts are committed to exactly where the project is a scenario", "仅减排场景须（且必须）承诺行为清单"),
    Reason(421, "vintage_outside", False, "the vintage {vintage} is not within the years of {first} to {last}", "年份 {vintage} 不在 {first} 至 {last} 之间"),
    Reason(422, "project_in_debt", True, "the project {project} owes {debt_g} g; cover them by a cancellation first", "项目 {project} 尚欠 {debt_g} 克；请先以作废条目补足"),
    Reason(423, "not_superseded", False, "the issuance {index} is not one of this part all of whose serials were cancelled as issued in error", "签发 {index} 并非本部分且全部因误发作废"),
    Reason(424, "project_not_live", True, "the project {project} is {status}", "项目 {project} 状态为 {status}"),
    Reason(425, "taken_over_already", False, "the entry at index {index} has taken over the same rows in the same parts", "序号 {index} 的条目已接管相同的行与区间"),
)
# 500 mandates, transfers, holdings
_MOVING = (
    Reason(501, "unknown_batch", True, "there is no batch {batch}", "不存在批次 {batch}"),
    Reason(502, "not_whole_serials", False, "{quantity_g} g are not a whole number of serials of {unit_g} g ({batch})", "{quantity_g} 克不是 {unit_g} 克的整数倍（{batch}）"),
    Reason(503, "insufficient", True, "the account {account} has {free} free serials of {batch}, {wanted} are wanted", "账户 {account} 在 {batch} 有 {free} 个可用序号，需要 {wanted} 个"),
    Reason(504, "serials_not_free", True, "{account} does not hold the serials {first} to {last} of {batch} free", "{account} 并未持有 {batch} 的可用序号 {first} 至 {last}"),
    Reason(505, "too_fragmented", True, "this would touch more than {limit} separate ranges of {batch}; move less at once or name serials", "将涉及 {batch} 超过 {limit} 个分散区间；请减少数量或指定序号"),
    Reason(506, "holding_too_fragmented", True, "{account} would hold more than {limit} separate ranges of {batch}", "{account} 将持有 {batch} 超过 {limit} 个分散区间"),
    Reason(507, "same_account", False, "sender and receiver are the same account", "转出与转入为同一账户"),
    Reason(508, "trade_exists", False, "the venue {venue} has already recorded this trade, at index {index}", "交易场所 {venue} 已在序号 {index} 记录该笔交易"),
    Reason(509, "trade_field", False, "the field trade stands exactly where the reason is trade", "仅当原因为交易时须填写 trade"),
    Reason(510, "unknown_mandate", True, "there is no mandate at index {mandate}", "序号 {mandate} 处没有委托"),
    Reason(511, "mandate_ended", False, "the mandate at index {mandate} ended at {until_ms}", "序号 {mandate} 的委托已于 {until_ms} 终止"),
    Reason(512, "mandate_scope", False, "the mandate at index {mandate} does not cover {what}", "序号 {mandate} 的委托不包括 {what}"),
    Reason(513, "mandate_limit", False, "the mandate at index {mandate} allows {limit_g} g, this would make {wanted_g} g", "序号 {mandate} 的委托限额为 {limit_g} 克，本次将达 {wanted_g} 克"),
    Reason(514, "accounts_of_several_owners", False, "one mandate covers accounts of one owner; {account} is another's", "一份委托只涵盖同一所有者的账户；{account} 属于他人"),
    Reason(515, "serials_form", False, "an item has either quantity_g or first and last with 1 ≤ first ≤ last ({batch})", "每项须为 quantity_g，或 first 与 last（1 ≤ first ≤ last）（{batch}）"),
    Reason(516, "serials_not_held", True, "{account} does not hold the serials {first} to {last} of {batch}", "{account} 并未持有 {batch} 的序号 {first} 至 {last}"),
)
# 600 points
_POINTS = (
    Reason(601, "scheme_exists", False, "the points scheme {scheme} is already there", "积分体系 {scheme} 已存在"),
    Reason(602, "unknown_scheme", True, "there is no points scheme {scheme}", "不存在积分体系 {scheme}"),
    Reason(603, "class_not_in_scheme", False, "credits of class {class_name} may not back {scheme}", "类别 {class_name} 的减排量不得支撑 {scheme}"),
    Reason(604, "too_little_for_a_point", False, "{grams} g do not make a whole point of {scheme}", "{grams} 克不足 {scheme} 的一个积分"),
    Reason(605, "points_not_in_hands", True, "{in_hands} unexpired points of {scheme} are in hands, {points} are wanted", "{scheme} 有 {in_hands} 个未过期积分在外，需要 {points} 个"),
    Reason(606, "points_not_gathered", True, "{gathered} points of {scheme} are gathered, {points} are wanted", "{scheme} 已回收 {gathered} 个积分，需要 {points} 个"),
    Reason(607, "points_not_whole_serials", False, "{points} points of {scheme} do not cover whole serials exactly; the nearest number below is {nearest}", "{scheme} 的 {points} 个积分不能恰好覆盖整数序号；向下最近为 {nearest}"),
    Reason(608, "commit_total", False, "the commitment adds up to {total}, not to {points} points", "承诺合计为 {total}，而非 {points} 个积分"),
    Reason(609, "too_many_lots", True, "this would touch more than {limit} lots or pool segments; take less at once", "将涉及超过 {limit} 个批组；请减少数量"),
    Reason(610, "scheme_retires", False, "the scheme {scheme} retires used points; they cannot become credits again", "{scheme} 的已用积分须注销，不能转回减排量"),
    Reason(611, "account_not_operators", False, "the account {account} is not the points operator's", "账户 {account} 不属于积分运营方"),
    Reason(612, "covers_too_many_points", False, "{points} points would be covered, {scheme} has {unbacked} unbacked ones", "将补足 {points} 个积分，而 {scheme} 未有支撑的积分为 {unbacked} 个"),
    Reason(613, "swap_unequal", False, "{points} points and {to_points} points do not weigh the same grams", "{points} 个积分与 {to_points} 个积分所对应的克数不等"),
    Reason(614, "lot_not_expired", True, "no lot {lot} of {scheme} is past its validity", "{scheme} 没有已过期的批组 {lot}"),
    Reason(615, "account_not_authoritys", False, "what backed expired points of {scheme} goes to an account of the authority: name one", "{scheme} 过期积分的支撑量归主管部门账户：请写明"),
    Reason(616, "validity_too_long", False, "points may be valid for {limit} days at the most, not for {days}", "积分有效期最长 {limit} 天，而非 {days} 天"),
    Reason(617, "points_ratio", False, "the rulebook wants {den} points for {num} g, the scheme {scheme} has another ratio", "规则要求 {num} 克对应 {den} 个积分，{scheme} 的比率不同"),
)
# 700 orders, events, obligations, retirements
_USE = (
    Reason(701, "order_exists", False, "the order {order} is already there", "裁决 {order} 已存在"),
    Reason(702, "unknown_order", True, "there is no order {order}", "不存在裁决 {order}"),
    Reason(703, "obligor_form", False, "an obligor is either a firm or a commitment (obligor {obligor})", "义务人须为企业或承诺之一（第 {obligor} 位）"),
    Reason(704, "shares_do_not_add_up", False, "either no obligor has a share, or all have and the shares make {quantity_g} g, not {sum_g} g", "须全部无份额，或全部有份额且合计 {quantity_g} 克（现为 {sum_g} 克）"),
    Reason(705, "event_final", False, "the event {event} is final", "活动 {event} 已终结"),
    Reason(706, "event_differs", False, "the event {event} belongs to {organiser}", "活动 {event} 属于 {organiser}"),
    Reason(707, "unknown_event", True, "there is no event {event}", "不存在活动 {event}"),
    Reason(708, "obligation_exists", False, "{obligated} already has an obligation for {year}", "{obligated} 已有 {year} 年度义务"),
    Reason(709, "unknown_obligation", True, "there is no obligation {obligation}", "不存在义务 {obligation}"),
    Reason(710, "unknown_rulebook", True, "there is no rulebook of version {version}", "不存在第 {version} 版规则"),
    Reason(711, "ref_field", False, "a retirement for {purpose} names its {wanted} in ref; a voluntary one names none", "{purpose} 注销须在 ref 中写明 {wanted}；自愿注销不写"),
    Reason(712, "order_not_effective", True, "the order {order} takes effect at {effective_ms}", "裁决 {order} 于 {effective_ms} 生效"),
    Reason(713, "order_over_fulfilled", False, "the order {order} lacks {missing_g} g, {retired_g} g would over-fulfil it", "裁决 {order} 尚缺 {missing_g} 克，{retired_g} 克将超额"),
    Reason(714, "obligor_field", False, "obligor names a position in the order's list exactly where shares are set", "仅当设有份额时须以 obligor 写明义务人位置"),
    Reason(715, "not_allowed_by_order", False, "the order {order} does not allow {what} {value}", "裁决 {order} 不允许 {what} {value}"),
    Reason(716, "class_not_for_purpose", False, "credits of class {class_name} may not be retired for {purpose} under the rulebook in force", "按现行规则，类别 {class_name} 不得用于 {purpose} 注销"),
    Reason(717, "not_obligated_account", False, "the account {account} is not that of {obligated}", "账户 {account} 不属于 {obligated}"),
    Reason(718, "over_cap", False, "{obligation} may be covered up to {cap_g} g, {wanted_g} g would exceed it", "{obligation} 至多抵销 {cap_g} 克，{wanted_g} 克将超限"),
    Reason(719, "vintage_not_allowed", False, "the vintage {vintage} may not be retired for {purpose}", "年份 {vintage} 不得用于 {purpose} 注销"),
    Reason(720, "beneficiary_form", False, "a beneficiary is exactly one of party, project, event, firm, commit", "受益方须为 party、project、event、firm、commit 之一"),
    Reason(721, "too_many_retirements", True, "{ref} already has {limit} retirements", "{ref} 已有 {limit} 笔注销"),
    Reason(722, "order_ended", True, "the order {order} is {state}", "裁决 {order} 已 {state}"),
    Reason(723, "order_quantity", False, "the order {order} stands at {quantity_g} g; reduce and raise must change it their way", "裁决 {order} 现为 {quantity_g} 克；减少或增加须与之相符"),
    Reason(724, "order_has_shares", False, "the order {order} is by shares; annul it and give a new one", "裁决 {order} 按份额执行；请撤销后另立"),
    Reason(725, "event_not_covered", True, "the event {event} declares {declared_g} g and is covered for {covered_g} g: it cannot be final yet", "活动 {event} 申报 {declared_g} 克，已覆盖 {covered_g} 克：尚不能终结"),
)

# 800 reservations, pledges, freezes
_HOLDS = (
    Reason(801, "unknown_reservation", True, "no reservation of index {reservation} is open", "序号 {reservation} 处没有有效的预留"),
    Reason(802, "reservation_expired", False, "the reservation {reservation} has expired at {expires_ms}; it can only be released", "预留 {reservation} 已于 {expires_ms} 到期，只能释放"),
    Reason(803, "not_reserved", False, "the serials {first} to {last} of {batch} are not what was reserved", "{batch} 的序号 {first} 至 {last} 不在预留之内"),
    Reason(804, "unknown_pledge", True, "no pledge of index {pledge} stands", "序号 {pledge} 处没有有效的质押"),
    Reason(805, "not_pledged", False, "the serials {first} to {last} of {batch} are not under the pledge {pledge}", "{batch} 的序号 {first} 至 {last} 不在质押 {pledge} 之下"),
    Reason(806, "account_frozen", True, "the account {account} is frozen by the entry {freeze}", "账户 {account} 已被条目 {freeze} 冻结"),
    Reason(807, "batch_frozen", True, "the batch {batch} is frozen by the entry {freeze}", "批次 {batch} 已被条目 {freeze} 冻结"),
    Reason(808, "serials_frozen", True, "the serials {first} to {last} of {batch} are frozen by the entry {freeze}", "{batch} 的序号 {first} 至 {last} 已被条目 {freeze} 冻结"),
    Reason(809, "unknown_freeze", True, "no freeze of index {freeze} stands", "序号 {freeze} 处没有有效的冻结"),
    Reason(810, "freeze_not_lapsed", True, "the term of the freeze {freeze} ends at {until_ms} (0: it has none)", "冻结 {freeze} 的期限至 {until_ms}（0 表示无期限）"),
    Reason(811, "not_frozen", False, "the serials {first} to {last} of {batch} are not under the freeze {freeze}", "{batch} 的序号 {first} 至 {last} 不在冻结 {freeze} 之下"),
    Reason(812, "waits_in_line", True, "the freeze {freeze} waits behind {first_in_line} (轮候)", "冻结 {freeze} 轮候于 {first_in_line} 之后"),
    Reason(813, "too_many_freezes", True, "more than {limit} freezes in line", "轮候冻结超过 {limit} 个"),
    Reason(814, "other_court", False, "{party} signed the instrument: it signs what changes it, or another court together with an authority", "该文书由 {party} 签署：变更须由其签署，或由另一法院会同主管部门签署"),
)
# 900 cancellations, corrections, notices
_MENDING = (
    Reason(901, "nothing_to_cancel", False, "no items are named, and there is no debt of {project} that cover_items would pay", "未指定作废项，且 {project} 没有可由 cover_items 偿还的欠额"),
    Reason(902, "not_a_block", False, "the serials {first} to {last} of {batch} are not such a block from its beginning", "{batch} 的序号 {first} 至 {last} 并非从起点开始的该类区块"),
    Reason(903, "account_field", False, "the item from {first} of {batch} is {status}: name the account where, and only where, an account holds it", "{batch} 自 {first} 起为 {status}：仅当由账户持有时须写明账户"),
    Reason(904, "other_project", False, "the batch {batch} is not of the project {project}", "批次 {batch} 不属于项目 {project}"),
    Reason(905, "covers_too_much", False, "{drawn_g} g are drawn to cover {owed_g} g", "抽取 {drawn_g} 克以补足 {owed_g} 克，超额"),
    Reason(906, "buffer_not_used", False, "the buffer of {project} still holds {buffer_g} g: draw from it first", "{project} 的缓冲尚有 {buffer_g} 克：请先使用"),
    Reason(907, "unknown_subject", True, "there is nothing called {subject} that could be spoken about", "不存在可被说明的 {subject}"),
    Reason(908, "not_of_that_entry", False, "{subject} is not what the entry at index {index} made", "{subject} 并非由序号 {index} 的条目产生"),
    Reason(909, "not_correctable", False, "{field} of {subject} is not a descriptive field", "{subject} 的 {field} 不是可更正的描述字段"),
    Reason(910, "too_many_remarks", True, "{subject} already has {limit} remarks", "{subject} 已有 {limit} 条说明"),
    Reason(911, "too_many_changes", True, "{subject} has already been changed {limit} times", "{subject} 已变更 {limit} 次"),
    Reason(912, "answered_already", False, "some of the serials {first} to {last} of {batch} were answered for before: they stay good", "{batch} 的序号 {first} 至 {last} 中有部分此前已获补偿，继续有效"),
)

# 1000 seals, the end of a log
_SEALS = (
    Reason(1001, "seal_ahead", True, "the size {size} lies beyond the index {index} of this entry", "规模 {size} 超出本条目的序号 {index}"),
    Reason(1002, "seal_not_later", False, "the size {size} is not larger than {last}, which is sealed already", "规模 {size} 不大于已封存的规模 {last}"),
    Reason(1003, "seal_too_old", False, "the size {size} lies more than {limit} entries before the index {index}", "规模 {size} 早于序号 {index} 超过 {limit} 条"),
    Reason(1004, "end_size", False, "an end seals the size at which it stands, {index}, not {size}", "终结条目须封存其所在规模 {index}，而非 {size}"),
)

# fmt: on
CATALOGUE: dict[str, Reason] = {
    reason.name: reason
    for family in (
        *(_ENTRY, _SIGNATURES, _PARTIES, _SUPPLY, _MOVING, _POINTS, _USE, _HOLDS, _MENDING),
        _SEALS,
    )
    for reason in family
}
