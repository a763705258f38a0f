"""Words for what is known only after signing, in other languages than English.

Each pattern is compared with a name in lower case, with spaces between its words, and in the
letters of `plain_letters`. In Chinese, Japanese and Korean a word stands anywhere in the name; in
the other languages it begins a word.
"""

from __future__ import annotations

import re

from fitmodel.tables.scripts import plain_letters

_BEFORE = (  # a time before signing, or the content of a contract
    r"试用|体验|售前|签约前|购买前|预计|预期|计划|自动|条款|承诺|演示"
    r"|トライアル|お試し|導入前|契約前|商談|予告|予定|自動|見込|経路|条項"
    r"|체험|무료|예상|예정|자동|사전|경로|계약 ?전|통보"
    r"|\b(test|probe|geplant|erwartet|voraussichtlich|vorher|vor (abschluss|vertrag)|automatisch)"
    r"|(kündigungs|verlängerungs|widerrufs)(frist|option|klausel)"
    r"|\b(essai|prévu|avant|tacite|automatique|préavis|prueba|previst|antes|preaviso|automátic)"
    r"|\b(prova|prima|preavviso|automatic|proef|verwacht|opzegtermijn|automatisch|vooraf)"
    r"|\b(пробн|планиру|ожида|до (подписания|покупки|сделки)|автопродл|автоматич|срок уведомл"
    r"|источник)"
    r"|\b(próbn|przed|planowan|oczekiwan|automatyczn|okres wypowiedzenia|źródło)"
    r"|\b(provperiod|förvänta|planera|uppsägningstid|automatisk|zkušebn|očekávan|plánovan|výpovědní"
    r"|очіку|до (підписання|купівлі|угоди)|джерело)"
    r"|\b(deneme|öncesi|önce|planlanan|beklenen|otomatik|ihbar)|تجريب|متوقع|قبل|تلقائي"
)
_SURELY = (
    r"工单|[月日周]活|(续约|流失)(概率|风险)|当前(席位|用户|账号|mrr|arr)|未付|欠款|开通功能"
    r"|培训次数|回访|服务次数|客服(案件|次数|件数)|满意度|投诉|客诉|报修|健康(度|分|值|评分"
    r"|状态)|nps|逾期|欠费"
    r"|退款|流失|离网|退订|解约"
    r"|销户"
    r"|(累计|已付|总)(付款|消费|充值|缴费|收款|支付|开票|回款)|(最近|最后|上次|最新)(一次)?(登录"
    r"|活跃|付款|缴费|消费|访问|使用|购买|下单|联系|续费)"
    r"|续(约|费|签)(次数|状态|率|金额|日期|时间)|是否续(约|费|签)|在网(时长|月|天)|(发票|开票"
    r"|缴费|付款|续费|登录)(数|次数|张数|笔数)"
    r"|(活跃|使用|登录)(用户|天数|次数|频率|时长|率|度)|降级|停用|客户(成功|健康)|上线(日期|时间"
    r"|天数|状态)"
    r"|満足度|問い?合わ?せ(件数|回数|数)|サポート(件数|回数|対応|依頼|問い?合わ?せ)|クレーム|苦情"
    r"|ヘルス|健全度|解約|退会|離脱"
    r"|最終(ログイン|利用|アクセス|購入|支払|入金|請求|更新|連絡|接触|来店|注文)|(利用|継続"
    r"|在籍)(月数|期間|回数|日数|頻度|率)"
    r"|チケット(数|件数)|(請求|支払|入金|ログイン|更新)(回数|件数|頻度)|累計|延滞|滞納|返金"
    r"|アクティブ(ユーザー|率)|稼働率|定着"
    r"|만족도|문의 ?(건수|횟수|수)|지원 ?요청|불만|민원|해지|탈퇴|이탈|환불|연체|미납|누적"
    r"|헬스 ?스코어|건강 ?점수"
    r"|(최근|마지막) ?(로그인|접속|결제|이용|방문|구매|활동)|(이용|유지) ?(기간|월수|횟수|빈도"
    r"|률|율|일수)|(청구|결제|로그인|갱신) ?(횟수|건수)"
    r"|티켓 ?(수|건수)?|활성 ?사용자"
    r"|\b(support ?(anfrag|fäll|tick|kontakt|vragen)|(kunden)?zufriedenheit|beschwerde|reklamation"
    r"|mahn(stufe|ung|stand)"
    r"|gesundheits ?(score|wert|index)|gesamtumsatz|umsatz bisher|bisherige|kündig|gekündigt"
    r"|abgewandert|inaktiv"
    r"|erstattung|aktuelle (nutzer|plätze|lizenzen|mrr)|offene rechnung|nutzung$"
    r"|schulungen (durchgeführt|gehalten)|zahlungsverzögerung|abwanderungsrisiko|health ?(wert"
    r"|score)|fehlermeldung|nutzungs ?(grad|intensität|häufigkeit|dauer)|kundendauer|zahlungsverzug"
    r"|überfällig|offene posten"
    r"|letzte[rsn]? (anmeldung|login|nutzung|zahlung|rechnung|aktivität|bestellung|kontakt|besuch)"
    r"|(anzahl|zahl) (der )?(rechnung|zahlung|anmeldung|login|beschwerde|ticket|mahnung"
    r"|verlängerung)|verlängert)"
    r"|\b(plainte|réclamation|résili|(score|indice|note) (de )?santé|impayé|retards? de paiement"
    r"|rembours|désabonn|renouvelé"
    r"|taux d (utilisation|usage)|factures? (payée|émise)|nombre de (facture|connexion|ticket"
    r"|réclamation|plainte|paiement)"
    r"|derni(er|ère) (connexion|activité|utilisation|paiement|facture|visite|commande|contact)"
    r"|total (payé|facturé|encaissé))"
    r"|\b(queja|reclamaci|reclamaç|incidencia|(puntuación|índice|score) de (salud|saúde)|moros"
    r"|impag|reembols|renovad"
    r"|últim[oa] (conexión|acceso|pago|factura|actividad|compra|visita|uso|acesso|pagamento"
    r"|fatura|login)"
    r"|(facturas?|faturas?|pagos?) (pagad|pagas|emitid)|total (pagado|facturado|pago|faturado)"
    r"|chamado|inadimpl|estorn|baja"
    r"|(número|nº|n|qtd|cantidad|quantidade) (de )?(queja|factura|fatura|pago|incidencia|acceso"
    r"|acesso|ticket|chamado|reclama))"
    r"|\b(reclam[io]\b|soddisfazione|disdett|recesso|rimbors|insolut|rinnovat|segnalazion"
    r"|punteggio (di )?salute|fatture (pagate|emesse)"
    r"|ultim[oa] (accesso|login|pagamento|utilizzo|ordine|fattura|attività|contatto)|(numero"
    r"|n) (di )?(ticket|reclam|fattur|access))"
    r"|\b(klacht|aantal (klachten|facturen|tickets|inlog|meldingen)|(klant)?tevredenheid|opzeg"
    r"|opgezegd|achterstand|openstaand|terugbetal"
    r"|laatste (inlog|login|betaling|factuur|activiteit|gebruik|bestelling|contact|bezoek)"
    r"|gezondheids|gebruiksgraad)"
    r"|\b(обращен\w* в|(количество|число|кол во) (обращ|жалоб|тикет|вход|счет|платеж|визит)"
    r"|жалоб|удовлетвор|отток|расторж|возврат"
    r"|просроч|задолж|продлен\b|тикет|индекс здоровья|оплачено всего|всего оплачено"
    r"|последн\w+ (вход|визит|плат|счет|активн|заказ|покупк|использ|контакт))"
    r"|\b(reklamacj|(liczba|ilość) (zgłosze|faktur|reklamac|logowa|płatno|ticket)"
    r"|zgłoszenia (serwis|wsparc)|zadowoleni|satysfakcj"
    r"|rozwiąza|wypowiedz|rezygnacj|zaległo|zwrot|przedłużon|odnowion|ostatni\w* (logowani"
    r"|płatno|faktur|aktywno|wizyt|zamówieni|użyci))"
    r"|\b(şikayet|(müşteri )?memnuniyet|destek (talep|kayd)|(talep|fatura|ödeme|giriş) sayısı"
    r"|iptal|iade|gecik|yenilen"
    r"|son (giriş|ödeme|fatura|kullanım|oturum|aktivite|ziyaret|sipariş))"
    r"|\b(klagomål|kundnöjdhet|supportärende|uppsäg|återbetal|(antal )?(ärenden|inloggningar)"
    r"|senaste? (inlogg|betalning|faktura|aktivitet|besök)|förfallna)"
    r"|\b(stížnost|reklamac|spokojenost|upomín|výpově|poslední (přihlášení|platb|faktur|aktivit)"
    r"|počet (stížností|reklamací|tiketů|požadavků|faktur|přihlášení))"
    r"|\b(скарг|задоволен|розірван|відтік|прострочен|заборгован|повернен|останн\w+ (вхід|візит|плат"
    r"|рахун|активн)|(кількість|число) (звернень|скарг|тікетів|входів|рахунків|платежів))"
    r"|причин\w* (ухода|отказа|оттока|расторж)|powód (odejścia|rezygnacji|rozwiąza)|(opzeg"
    r"|vertrek)reden"
    r"|(iptal|ayrılma|fesih) (nedeni|sebebi)|(解約|退会|離脱|해지|이탈|탈퇴) ?(原因|理由|사유|이유)"
    r"|شكاو|شكوى|رضا العميل|رضا العملاء|تذاكر الدعم|الإلغاء|استرداد|متأخرات|آخر (دخول|تسجيل|دفع"
    r"|نشاط|زيارة)"
)
_LATER = re.compile(plain_letters(_SURELY))
_NOT_LATER = re.compile(plain_letters(_BEFORE))


def is_later_elsewhere(words: str) -> bool:
    """Return whether a name, as words, suggests later knowledge in other languages."""
    words = plain_letters(words).lower()
    return _LATER.search(words) is not None and _NOT_LATER.search(words) is None
