//! Words that tell a language in a short text: function words, and some that customers use. A table only.

/// ISO 639-1 code, words in lower case, letters that other languages of the table hardly have.
pub(super) const WORDS: [(&str, &str, &str); 26] = [
    (
        "en",
        "the is are was were be been am i my me you your we our us it its this that these what where when why how who which \
        do does did don can could cannot will would should have has had not no yes and or but of to for from with on at by an a in if \
        please thank thanks hello hi hey order refund delivery account card payment help need want get got why there here they \
        s t ve re ll out up about cancel change password login fails failed parcel track tracking fee atm pin package shipping return money back still never any some all just than then",
        "",
    ),
    (
        "de",
        "der die das den dem des ein eine einen einem einer ist sind war bin bist habe hat haben hatte ich du er sie wir ihr mir mich \
        mein meine meinen meiner meinem ihre ihren nicht kein keine und oder aber wie was wo wann warum wer für mit von zu zum zur auf aus bei nach \
        bitte danke hallo kann können kannst möchte will wird werden wurde noch schon auch im am es an bestellung rechnung konto paket \
        lieferung zurück gekommen angekommen guten sehr geehrte wenn dass als",
        "ßäöü",
    ),
    (
        "fr",
        "le la les un une des du de et ou mais est sont suis es était je tu il elle nous vous ils mon ma mes votre vos notre ce cette ces \
        ne pas plus que qui quoi où quand comment pourquoi pour avec sans sur dans par au aux en à j c l d n m qu s y \
        bonjour merci commande colis compte carte remboursement livraison reçu veux voudrais peux pouvez ai avez a été toujours encore s'il \
        plaît mot passe se son sa",
        "éèêëàâîïôûùçœ",
    ),
    (
        "es",
        "el la los las un una unos unas de del y o pero es son está están estoy fue yo tú él ella nosotros mi mis tu su sus \
        no sí que qué quien dónde donde cuándo cuando cómo como por porque para con sin en al lo le me se te ha he han hay \
        hola gracias favor pedido cuenta tarjeta reembolso envío entrega quiero puedo puede necesito llegado mi todavía contraseña más muy este esta",
        "ñ¿¡áíóú",
    ),
    (
        "it",
        "il lo la i gli le un una uno di del della dei delle e o ma è sono sei era io tu lui lei noi mio mia miei mie suo \
        non sì che chi cosa dove quando come perché per con senza su nel nella al alla da dal in si mi ti ci ho ha hanno \
        ciao buongiorno grazie ordine conto carta rimborso spedizione consegna vorrei voglio posso può ancora arrivato questo questa anche più",
        "èàòìù",
    ),
    (
        "pt",
        "o a os as um uma uns de do da dos das e ou mas é são está estão estou foi eu tu ele ela nós meu minha meus minhas seu sua \
        não sim que quem onde quando como por porque para com sem em no na nos nas ao à me se lhe te tem tenho há \
        olá oi obrigado obrigada favor pedido conta cartão reembolso envio entrega quero posso pode preciso chegou ainda senha mais muito este esta você",
        "ãõç",
    ),
    (
        "nl",
        "de het een en of maar is zijn was ben bent ik jij je u hij zij ze wij we mijn uw jouw onze niet geen wel dat dit die deze \
        wat waar wanneer waarom hoe wie voor met van naar op in uit bij aan te om er nog ook al als heb heeft hebben kan kunt wil \
        hallo bedankt dank graag alstublieft bestelling pakket rekening terug betaling levering krijgen word wordt werd mij",
        "",
    ),
    (
        "sv",
        "och att det den en ett är var jag du han hon vi ni min mitt mina din ditt er inte ingen som på för med till från av om i \
        hur vad när varför vem kan vill har hade ska skulle hej tack beställning paket konto kort betalning leverans fått inte mig",
        "åäö",
    ),
    (
        "da",
        "og at det den en et er var jeg du han hun vi i min mit mine din dit ikke ingen som på for med til fra af om \
        hvor hvad hvornår hvorfor hvem hvordan kan vil har havde skal hej tak ordre pakke konto kort betaling levering mig endnu fået",
        "æøå",
    ),
    (
        "nb",
        "og at det den en et er var jeg du han hun vi dere min mitt mine din ditt ikke ingen som på for med til fra av om \
        hvor hva når hvorfor hvem hvordan kan vil har hadde skal hei takk ordre pakke konto kort betaling levering meg ennå fått",
        "æøå",
    ),
    (
        "fi",
        "ja on ei ole oli minä sinä hän me te he minun sinun tämä se että mutta tai kun jos missä mitä milloin miksi miten kuka \
        voi voin haluan olen en hei kiitos tilaus tilaukseni paketti tili kortti maksu toimitus vielä saanut mikä kuinka",
        "äö",
    ),
    (
        "pl",
        "i w na z do nie to jest są był ja ty on ona my wy mój moja moje mam ma że się jak co gdzie kiedy dlaczego kto czy o od po za \
        dla przez ale lub proszę dziękuję dzień dobry cześć zamówienie paczka konto karta zwrot dostawa chcę mogę jeszcze już",
        "łąęśźżćń",
    ),
    (
        "cs",
        "a v na z do ne to je jsou byl já ty on ona my vy můj moje mám má že se jak co kde kdy proč kdo o od po za pro ale nebo \
        prosím děkuji dobrý den ahoj objednávka balík účet karta vrácení dodání chci mohu ještě už není jsem",
        "řěůčžš",
    ),
    (
        "ro",
        "și si în la de pe cu din un o este sunt era eu tu el ea noi voi meu mea mele nu da că ce cine unde când cum pentru sau dar \
        mai am ai are au vă rog mulțumesc bună comanda comandă contul card rambursare livrare vreau pot încă fost",
        "șțăîâ",
    ),
    (
        "hu",
        "a az és egy nem van volt vagyok én te ő mi ti ők hogy hol mikor miért ki mit hogyan de vagy ha is csak még már kérem \
        köszönöm szia jó napot rendelés rendelésem csomag számla kártya visszatérítés szállítás szeretnék tudok meg",
        "őűáéíóúöü",
    ),
    (
        "tr",
        "ve bir bu şu o ben sen biz siz onlar benim için ile de da mi mı mu mü ne nerede ne zaman neden nasıl kim değil var yok \
        ama veya çok daha merhaba teşekkürler lütfen sipariş siparişim kargo hesap kart iade teslimat istiyorum hala gelmedi",
        "ğışçöü",
    ),
    (
        "id",
        "yang dan di ke dari untuk dengan ini itu saya anda kamu kami kita dia mereka tidak bukan adalah ada bisa akan sudah belum \
        apa mana kapan kenapa mengapa bagaimana siapa atau tapi tetapi pada juga tolong terima kasih halo pesanan paket akun kartu",
        "",
    ),
    (
        "ca",
        "el la els les un una de del i o però és són està estic jo tu ell ella nosaltres meu meva no sí que què qui on quan com per \
        perquè amb sense en al gràcies si us plau comanda compte targeta vull puc encara aquest aquesta més molt",
        "ïçàèòé",
    ),
    (
        "hr",
        "i u na s do ne to je su bio ja ti on ona mi vi moj moja moje imam ima da se kako što gdje kada zašto tko o od po za ali ili \
        molim hvala dobar dan bok narudžba paket račun kartica povrat dostava želim mogu još nije sam",
        "đžščć",
    ),
    (
        "vi",
        "và là của có không tôi bạn chúng một các những này đó cho với trong ở đến từ khi nào đâu sao gì ai được đã sẽ đang chưa \
        xin cảm ơn chào đơn hàng tài khoản thẻ hoàn tiền giao muốn thể vẫn",
        "đơưạảấầẩậắằẹẻẽếềểệỉịọỏốồổộớờởợụủứừửữựỳỵỷỹ",
    ),
    (
        "ru",
        "и в во не на я ты он она мы вы они что как где когда почему кто это мой моя мое моё мои ваш вас вам мне меня у с со к по за из от до для \
        но или да нет же бы был была есть еще ещё уже очень можно нужно хочу могу заказ карта счет деньги возврат доставка посылка спасибо \
        пожалуйста здравствуйте привет о об при если чтобы только даже без все всё его ее её их тут там тебе тебя себя этот эта эти так вот \
        тогда вид после перед через",
        "ыэё",
    ),
    (
        "uk",
        "і й в у не на я ти він вона ми ви вони що як де коли чому хто це мій моя моє мої ваш вас вам мені мене з до по за із від для \
        але або так ні є був була ще вже дуже можна треба хочу можу замовлення картка рахунок гроші повернення доставка посилка дякую \
        будь ласка вітаю привіт",
        "іїєґ",
    ),
    (
        "bg",
        "и в във не на аз ти той тя ние вие те че как къде кога защо кой това моят моята мой ми ви ме у с със към по за из от до \
        но или да ли е са съм беше има още вече много може трябва искам мога поръчка поръчката карта сметка пари връщане доставка пратка \
        благодаря моля здравейте здравей",
        "ъ",
    ),
    (
        "be",
        "і й у ў на не я ты ён яна мы вы што як дзе калі чаму хто гэта мой мая маё мае мне з да па за ад для але або ці няма ёсць быў была \
        яшчэ ўжо вельмі можна хачу магу дзякуй калі ласка",
        "ўі",
    ),
    (
        "sr",
        "и у на не ја ти он она ми ви да што као где кад када зашто ко је су сам мој моја моје мене са до по за из од али или има нема био \
        још већ врло може желим могу молим хвала здраво наруџбина рачун",
        "ђћџљњј",
    ),
    (
        "mk",
        "и во на не јас ти тој таа ние вие да што како каде кога зошто кој е се сум мојот мојата мое мене со до по за од но или има нема \
        беше уште веќе многу може сакам можам молам благодарам здраво нарачка сметка",
        "ѓќѕјљњџ",
    ),
];
